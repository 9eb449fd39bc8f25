package config

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// kindOf says what a node is, without its value.
func kindOf(n *yaml.Node) string {
	switch n = resolve(n); n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	switch n.Tag {
	case nullTag:
		return "null"
	case boolTag:
		if _, ok := boolean(n); !ok {
			return "a boolean in another spelling"
		}
		return "a boolean"
	case timestampTag:
		return "a time"
	case intTag, floatTag:
		if decimal(n) == "" {
			return "a number that is not plainly decimal"
		}
		return "a number"
	}
	return "a string"
}

// boolean reads true and false, in no other of YAML's spellings.
func boolean(n *yaml.Node) (b, ok bool) {
	plain := n.Kind == yaml.ScalarNode && n.Tag == boolTag
	return n.Value == "true", plain && (n.Value == "true" || n.Value == "false")
}

// decimal returns the text of a number in JSON's notation, or "". Readers of
// YAML disagree on octal digits, leading zeros and underscores.
func decimal(n *yaml.Node) string {
	plain := n.Kind == yaml.ScalarNode && (n.Tag == intTag || n.Tag == floatTag)
	if !plain || !json.Valid([]byte(n.Value)) {
		return ""
	}
	return n.Value
}

// scalar decodes into a basic type.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, at mark) {
	switch {
	case v.Kind() == reflect.String:
		// Ids are often numeric, so any scalar is taken as it is written.
		if !isValue(n) {
			d.mistyped(at, "a string", n)
			return
		}
		if d.isWord(n, at) {
			v.SetString(n.Value)
		}
	case v.Kind() == reflect.Bool:
		b, ok := boolean(n)
		if !ok {
			d.mistyped(at, "true or false", n)
			return
		}
		v.SetBool(b)
	case v.CanInt():
		i, err := strconv.ParseInt(decimal(n), 10, v.Type().Bits())
		if d.parsed(err, at, "a whole number", n) {
			v.SetInt(i)
		}
	case v.CanUint():
		u, err := strconv.ParseUint(decimal(n), 10, v.Type().Bits())
		if d.parsed(err, at, "a whole number from 0 up", n) {
			v.SetUint(u)
		}
	case v.CanFloat():
		f, err := strconv.ParseFloat(decimal(n), v.Type().Bits())
		if d.parsed(err, at, "a number", n) {
			v.SetFloat(f)
		}
	default:
		panic(fmt.Sprintf("config: cannot decode into %v", v.Type()))
	}
}

// parsed reports whether a number was read, and records why it was not.
func (d *decoder) parsed(err error, at mark, wants string, n *yaml.Node) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, strconv.ErrRange):
		d.failf(at, "the number is out of range")
	default:
		d.mistyped(at, wants, n)
	}
	return false
}

// text lets a type read its own scalar.
func (d *decoder) text(n *yaml.Node, u encoding.TextUnmarshaler, at mark) {
	if !isValue(n) {
		d.mistyped(at, "a single value", n)
		return
	}
	if !d.isWord(n, at) {
		return
	}
	if err := u.UnmarshalText([]byte(n.Value)); err != nil {
		d.failf(at, "%v", err)
	}
}

// isWord reports whether a text is one that the setting can be, and records where
// it is not.
func (d *decoder) isWord(n *yaml.Node, at mark) bool {
	if d.words == nil || slices.Contains(d.words, n.Value) {
		return true
	}
	d.failf(at, "wants %s", either(d.words))
	return false
}

// either writes a, b or c.
func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (d *decoder) time(n *yaml.Node, t *time.Time, at mark) {
	if isValue(n) {
		for _, layout := range []string{time.RFC3339, time.DateOnly} {
			if v, err := time.Parse(layout, n.Value); err == nil {
				*t = v
				return
			}
		}
	}
	d.mistyped(at, "a time like 2026-12-31T00:00:00Z or a date like 2026-12-31", n)
}

// untyped returns a value as JSON has it; numbers keep their text.
func (d *decoder) untyped(n *yaml.Node, at mark) any {
	switch {
	case n.Kind == yaml.SequenceNode:
		var l []any
		d.list(n, reflect.ValueOf(&l).Elem(), at)
		return l
	case n.Kind == yaml.MappingNode:
		var m map[string]any
		d.mapping(n, reflect.ValueOf(&m).Elem(), at)
		return m
	case n.Tag == nullTag:
		return nil
	case n.Tag == boolTag:
		b, ok := boolean(n)
		if !ok {
			d.mistyped(at, "true or false", n)
		}
		return b
	case n.Tag == intTag, n.Tag == floatTag:
		number := decimal(n)
		if number == "" {
			d.mistyped(at, "a decimal number", n)
		}
		return json.Number(number)
	}
	return n.Value
}
