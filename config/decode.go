package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"postern/policy"
)

// variant is a setting whose other keys depend on the value of its key `type`.
type variant interface {
	// Variant returns a pointer to the struct that the other keys fill once it
	// has its defaults, or an error for a type that it does not know.
	Variant(kind string) (target any, err error)
}

// kinds is a [variant] that can list its types, for suggestions.
type kinds interface{ Kinds() []string }

// included is implemented by [policy.Included].
type included interface {
	// Include takes the path of a file and returns a pointer to what the file
	// fills.
	Include(path string) (target any)
}

// scalarAsOne is implemented by [policy.OneOrMore].
type scalarAsOne interface{ ScalarAsOne() }

// typeKey is the key that chooses among the kinds of a [variant].
const typeKey = "type"

// decode fills the struct that into points to and returns every fault of the
// document by position. It is called once for a document.
//
// A struct field is set by the key that its `yaml` tag names; the options are
// those of the field of a [layout]. Fields without a tag are left alone, and
// so are those whose key is absent; SetDefaults gives them their value (see
// [setDefaults]). A type reads its own scalar with
// [encoding.TextUnmarshaler], chooses among structs with [variant], and names a
// file that is decoded in the same way with [included]. A map has strings
// as keys; its values may be null where they are pointers. An interface gets string, bool, nil, [json.Number], []any or map[string]any.
// Any other type is a fault of the program, and a panic.
func (d *document) decode(into any) Errors {
	v := reflect.ValueOf(into).Elem()
	setDefaults(v)
	dec := newDecoder(d)
	dec.value(d.root, v, markOf(d.root))
	return d.errs.Sorted()
}

// decoder is one walk over a document and the value that it fills.
type decoder struct {
	doc     *document
	path    policy.Path // of the value that is being decoded
	words   []string    // that a text in it can be, nil for any
	layouts map[reflect.Type]*layout
	// defaults remembers which types have some.
	defaults map[reflect.Type]bool
}

func newDecoder(d *document) *decoder {
	return &decoder{doc: d, layouts: make(map[reflect.Type]*layout), defaults: make(map[reflect.Type]bool)}
}

// failf records that the current value cannot be decoded.
func (d *decoder) failf(at mark, format string, operands ...any) {
	if len(d.doc.failed) < maxErrors {
		d.doc.failed = append(d.doc.failed, slices.Clone(d.path))
	}
	d.report(at, fmt.Sprintf(format, operands...))
}

func (d *decoder) report(at mark, message string) {
	if len(d.path) > 0 {
		message = d.path.String() + ": " + message
	}
	d.doc.failf(at, "%s", message)
}

// mistyped records a value of the wrong kind. It shows only the kind.
func (d *decoder) mistyped(at mark, wants string, n *yaml.Node) {
	d.failf(at, "wants %s, got %s", wants, kindOf(n))
}

// value decodes n, which is said to stand at the mark, into v, which must be
// addressable.
func (d *decoder) value(n *yaml.Node, v reflect.Value, at mark) {
	n = resolve(n)
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		d.time(n, p, at)
	case *any:
		*p = d.untyped(n, at)
	case encoding.TextUnmarshaler:
		d.text(n, p, at)
	case variant:
		d.variant(n, p, at)
	case included:
		d.include(n, p, at)
	default:
		d.composite(n, v, at)
	}
}

func (d *decoder) composite(n *yaml.Node, v reflect.Value, at mark) {
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		d.setDefaults(p.Elem())
		d.value(n, p.Elem(), at)
		v.Set(p)
	case reflect.Struct:
		d.structure(n, v, at)
	case reflect.Map:
		d.mapping(n, v, at)
	case reflect.Slice:
		d.list(n, v, at)
	default:
		d.scalar(n, v, at)
	}
}

// child decodes a value one step below the current one.
func (d *decoder) child(step any, n *yaml.Node, v reflect.Value, at mark) {
	d.path = append(d.path, step)
	d.value(n, v, at)
	d.path = d.path[:len(d.path)-1]
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, at mark) {
	l := d.layout(v.Type())
	switch {
	case n.Kind == yaml.MappingNode:
		d.fields(n, v, "")
	case l.scalar == nil:
		d.mistyped(at, "a mapping", n)
	case isValue(n):
		d.value(n, v.FieldByIndex(l.scalar), at)
	default:
		d.mistyped(at, "a single value or a mapping", n)
	}
}

// fields decodes the entries of a mapping, all but the one with the key
// without, into the fields of a struct.
func (d *decoder) fields(n *yaml.Node, v reflect.Value, without string) {
	l := d.layout(v.Type())
	for e := range entries(n) {
		f, known := l.fields[e.key]
		switch {
		case e.key == without:
		case known:
			outer := d.words
			d.words = f.words
			d.child(e.key, e.value, v.FieldByIndex(f.index), e.mark())
			d.words = outer
		case l.secret:
			d.meant(n, closest(e.key, l.names))
			d.report(markOf(e.keyNode), "unknown key"+suggest(e.key, l.names))
		default:
			d.meant(n, closest(e.key, l.names))
			d.report(markOf(e.keyNode), fmt.Sprintf("unknown key %q%s", e.key, suggest(e.key, l.names)))
		}
	}
}

func (d *decoder) variant(n *yaml.Node, v variant, at mark) {
	if n.Kind != yaml.MappingNode {
		d.mistyped(at, "a mapping", n)
		return
	}
	e, written := find(n, typeKey)
	if !written {
		d.failf(at, "%s is missing", typeKey)
		return
	}
	d.path = append(d.path, typeKey)
	into, ok := d.choose(v, resolve(e.value), e.mark())
	d.path = d.path[:len(d.path)-1]
	if !ok {
		return
	}
	s := reflect.ValueOf(into).Elem()
	d.setDefaults(s)
	d.fields(n, s, typeKey)
}

// choose returns the pointer that the value of the key `type` chooses.
func (d *decoder) choose(v variant, n *yaml.Node, at mark) (into any, ok bool) {
	if !isValue(n) {
		d.mistyped(at, "a string", n)
		return nil, false
	}
	into, err := v.Variant(n.Value)
	if err == nil {
		return into, true
	}
	var guess string
	if k, ok := v.(kinds); ok {
		guess = suggest(n.Value, k.Kinds())
	}
	d.failf(at, "%v%s", err, guess)
	return nil, false
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, at mark) {
	if n.Kind != yaml.MappingNode {
		d.mistyped(at, "a mapping", n)
		return
	}
	t := v.Type()
	m := reflect.MakeMapWithSize(t, len(n.Content)/2)
	d.entries(n, m)
	v.Set(m)
}

// entries decodes those of a mapping into a map.
func (d *decoder) entries(n *yaml.Node, m reflect.Value) {
	t := m.Type()
	for e := range entries(n) {
		elem := reflect.New(t.Elem()).Elem()
		if t.Elem().Kind() != reflect.Pointer || resolve(e.value).Tag != nullTag {
			d.setDefaults(elem)
			d.child(e.key, e.value, elem, e.mark())
		}
		m.SetMapIndex(reflect.ValueOf(e.key).Convert(t.Key()), elem)
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, at mark) {
	_, one := v.Interface().(scalarAsOne)
	switch {
	case n.Kind == yaml.SequenceNode:
		l := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
		for i, item := range n.Content {
			d.setDefaults(l.Index(i))
			d.child(i, item, l.Index(i), markOf(item))
		}
		v.Set(l)
	case one && isValue(n):
		l := reflect.MakeSlice(v.Type(), 1, 1)
		d.setDefaults(l.Index(0))
		d.value(n, l.Index(0), at)
		v.Set(l)
	case one:
		d.mistyped(at, "a single value or a list", n)
	default:
		d.mistyped(at, "a list", n)
	}
}
