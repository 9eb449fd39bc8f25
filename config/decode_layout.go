package config

import (
	"fmt"
	"reflect"
	"strings"

	"postern/policy"
)

// layout is what the tags of a struct say:
//
//	`yaml:"name"`     the field of the key name
//	`yaml:",inline"`  an exported struct whose keys stand among those of this one
//	`yaml:",scalar"`  the field that a scalar in place of the mapping sets
//
// and beside the name of a key `words:"one two"`, what its text can be, or that of
// each element of a list.
type layout struct {
	fields map[string]field
	names  []string // the keys, in the order of the fields
	scalar []int    // as [reflect.Value.FieldByIndex] takes it, nil for none
	// secret says that the scalar is a secret. What looks like an unknown key
	// may then be one whose quotes are missing, and is not shown.
	secret bool
}

// field is what a key sets.
type field struct {
	index []int    // as [reflect.Value.FieldByIndex] takes it
	words []string // nil for any text
}

// layout returns the layout of a struct type.
func (d *decoder) layout(t reflect.Type) *layout {
	l, ok := d.layouts[t]
	if !ok {
		l = &layout{fields: make(map[string]field)}
		l.add(t, nil)
		d.layouts[t] = l
	}
	return l
}

func (l *layout) add(t reflect.Type, parent []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(parent[:len(parent):len(parent)], i)
		switch name, option := fieldTag(f); {
		case option == "inline":
			l.add(f.Type, index)
		case option == "scalar":
			l.scalar = index
			l.secret = f.Type == reflect.TypeFor[policy.Secret]()
		case name == "":
		case l.fields[name].index != nil:
			panic(fmt.Sprintf("config: two fields of %v have the key %q", t, name))
		default:
			l.fields[name] = field{index, fieldWords(f)}
			l.names = append(l.names, name)
		}
	}
}

// fieldTag returns the key and the option of a field, both empty where the
// configuration cannot set it.
func fieldTag(f reflect.StructField) (name, option string) {
	if name, option, _ = strings.Cut(f.Tag.Get("yaml"), ","); name == "-" {
		return "", ""
	}
	return name, option
}

// fieldWords returns what the text of a field can be, nil for anything.
func fieldWords(f reflect.StructField) []string {
	if words := f.Tag.Get("words"); words != "" {
		return strings.Fields(words)
	}
	return nil
}

// setDefaults gives a struct that nothing has been decoded into yet its
// defaults: first those of the structs in it, written or not, and then its
// own, so that it may change theirs.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		if name, option := fieldTag(v.Type().Field(i)); name != "" || option != "" {
			setDefaults(v.Field(i))
		}
	}
	if s, ok := v.Addr().Interface().(defaulter); ok {
		s.SetDefaults()
	}
}

// defaulter is a struct that has defaults.
type defaulter interface{ SetDefaults() }

// setDefaults is [setDefaults], which looks only into structs that have some: a
// file may hold a hundred thousand that have none.
func (d *decoder) setDefaults(v reflect.Value) {
	t := v.Type()
	has, known := d.defaults[t]
	if !known {
		has = hasDefaults(t)
		d.defaults[t] = has
	}
	if has {
		setDefaults(v)
	}
}

// hasDefaults reports whether a struct, or one in it, has defaults.
func hasDefaults(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[defaulter]()) {
		return true
	}
	for i := range t.NumField() {
		if name, option := fieldTag(t.Field(i)); (name != "" || option != "") && hasDefaults(t.Field(i).Type) {
			return true
		}
	}
	return false
}
