package policy

import "fmt"

// Set puts a value where the path leads to in an object, and makes what is missing
// on the way. The error says that something else is in the way, that an element
// would leave a gap before it, or that the path is no single place.
func (p ClaimPath) Set(object map[string]any, value any) error {
	_, err := p.set(p.steps, object, value)
	return err
}

// set returns container, a map[string]any, a []any or nil, with the value in it.
func (p ClaimPath) set(steps []step, container, value any) (any, error) {
	if len(steps) == 0 {
		return value, nil
	}
	s := steps[0]
	if s.isIndex {
		return p.setElement(steps, container, value)
	}
	if container == nil {
		container = map[string]any{}
	}
	object, ok := container.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: what should hold %q is no object", p, s.key)
	}
	member, err := p.set(steps[1:], object[s.key], value)
	if err != nil {
		return nil, err
	}
	object[s.key] = member
	return object, nil
}

func (p ClaimPath) setElement(steps []step, container, value any) (any, error) {
	list, ok := container.([]any)
	index := steps[0].index
	switch {
	case index == allElements:
		return nil, fmt.Errorf("%s: [*] is no single place", p)
	case container != nil && !ok:
		return nil, fmt.Errorf("%s: what should hold [%d] is no list", p, index)
	case index > len(list):
		return nil, fmt.Errorf("%s: there is no [%d] yet", p, index-1)
	case index == len(list):
		list = append(list, nil)
	}
	element, err := p.set(steps[1:], list[index], value)
	if err != nil {
		return nil, err
	}
	list[index] = element
	return list, nil
}
