package config

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"time"

	"postern/policy"
)

// object is a JSON object, whose members are marshalled in order of their names.
type object = map[string]any

// scalar is what the decoder takes for a text: ids are often numeric.
var scalar = []any{"string", "number", "boolean"}

// patterns are of the texts that have a syntax which an editor can show.
var patterns = map[reflect.Type]string{
	reflect.TypeFor[policy.Duration](): `^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`,
	reflect.TypeFor[policy.Size]():     `^\+?[0-9]+ *(B|KiB|MiB|GiB)?$`,
	reflect.TypeFor[time.Time]():       `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?$`,
	reflect.TypeFor[policy.Secret]():   `.`,
}

// schemaMaker makes the schema of settings types as the decoder reads them.
type schemaMaker struct {
	decoder
	docs docs // what the rooms say of their settings
}

// of returns the schema of a value, which has its defaults. A text in it can be one
// of the words, if there are any.
func (m *schemaMaker) of(v reflect.Value, words []string) object {
	t := v.Type()
	switch p := v.Addr().Interface().(type) {
	case *any:
		return object{}
	case *time.Time, encoding.TextUnmarshaler:
		return m.text(t, words)
	case variant:
		return m.variant(p)
	case included:
		return object{"type": scalar}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.of(fresh(t.Elem()), words)
	case reflect.Struct:
		return m.structure(v)
	case reflect.Map:
		elem := m.of(fresh(t.Elem()), words)
		if t.Elem().Kind() == reflect.Pointer {
			elem = object{"anyOf": []any{elem, object{"type": "null"}}}
		}
		return object{"type": "object", "additionalProperties": elem}
	case reflect.Slice:
		elem := m.of(fresh(t.Elem()), words)
		list := object{"type": "array", "items": elem}
		if _, one := v.Interface().(scalarAsOne); one {
			return object{"anyOf": []any{elem, list}}
		}
		return list
	case reflect.String:
		return m.text(t, words)
	case reflect.Bool:
		return object{"type": "boolean"}
	}
	switch {
	case v.CanUint():
		return object{"type": "integer", "minimum": 0}
	case v.CanInt():
		return object{"type": "integer"}
	}
	panic(fmt.Sprintf("no schema of %v", t))
}

// fresh returns a value of a type with its defaults.
func fresh(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	setDefaults(v)
	return v
}

func (m *schemaMaker) text(t reflect.Type, words []string) object {
	s := object{"type": scalar}
	switch pattern, ok := patterns[t]; {
	case words != nil:
		return object{"enum": words}
	case ok && t.Kind() == reflect.Int64: // a number without a unit
		s = object{"type": []any{"string", "integer"}, "pattern": pattern, "minimum": 0}
		if t == reflect.TypeFor[policy.Duration]() {
			s["maximum"] = 0
		}
	case ok:
		s["pattern"] = pattern
	}
	return s
}

func (m *schemaMaker) structure(v reflect.Value) object {
	l := m.layout(v.Type())
	properties := object{}
	for _, name := range l.names {
		f := l.fields[name]
		field := v.FieldByIndex(f.index)
		s := m.of(field, f.words)
		if text := m.docs.ofField(v.Type(), f.index); text != "" {
			s["description"] = text
		}
		if value := defaultOf(field); value != nil {
			s["default"] = value
		}
		properties[name] = s
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if l.scalar != nil {
		s = object{"oneOf": []any{m.of(v.FieldByIndex(l.scalar), nil), s}}
	}
	if text := m.docs.ofType(v.Type()); text != "" {
		s["description"] = text
	}
	return s
}

// variant asks for the other keys of the chosen type alone, so that an editor says
// which of them is wrong, and not that none of the types fits.
func (m *schemaMaker) variant(v variant) object {
	var names, branches []any
	for _, kind := range v.(kinds).Kinds() {
		settings, err := v.Variant(kind)
		if err != nil {
			panic(err)
		}
		into := reflect.ValueOf(settings).Elem()
		setDefaults(into)
		s := m.structure(into)
		s["properties"].(object)[typeKey] = object{"const": kind}
		names = append(names, kind)
		chosen := object{"properties": object{typeKey: object{"const": kind}}, "required": []any{typeKey}}
		branches = append(branches, object{"if": chosen, "then": s})
	}
	return object{"type": "object", "required": []any{typeKey}, "properties": object{typeKey: object{"enum": names}}, "allOf": branches}
}

// defaultOf returns a value as a file would have it, nil for what is left out.
func defaultOf(v reflect.Value) any {
	switch d := v.Interface().(type) {
	case bool:
		return d
	case policy.Duration:
		if d != 0 {
			return regexp.MustCompile(`([hm])0[ms](0s)?$`).ReplaceAllString(d.String(), "$1")
		}
	case policy.Size:
		if d != 0 {
			return sizeText(d)
		}
	case policy.OneOrMore[int]:
		if d != nil {
			return d
		}
	default:
		if v.Kind() == reflect.String && v.Len() > 0 || v.Kind() == reflect.Int && v.Int() != 0 {
			return d
		}
	}
	return nil
}

// sizeText writes a size in the largest unit that divides it.
func sizeText(s policy.Size) string {
	units := []string{"B", "KiB", "MiB", "GiB"}
	for s%1024 == 0 && len(units) > 1 {
		s, units = s/1024, units[1:]
	}
	return fmt.Sprint(int64(s), units[0])
}
