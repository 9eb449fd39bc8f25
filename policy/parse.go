package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth bounds the nesting of JSON from outside. A token has a handful of
// levels; an attacker's has as many as fit.
const maxDepth = 32

// ParseObject reads data as exactly one JSON object (RFC 8259) and returns its
// members as string, [json.Number], bool, nil, []any and map[string]any.
//
// It refuses what parsers are known to disagree on: duplicate members at any
// depth, invalid UTF-8, data after the object, and nesting over 32 levels.
// Numbers keep the text that they came in.
func ParseObject(data []byte) (map[string]any, error) {
	p := newParser(data)
	value, err := p.value()
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	if _, err := p.d.ReadToken(); err != io.EOF {
		return nil, errors.New("data after the JSON object")
	}
	return object, nil
}

// parser makes values of JSON. Their strings are parts of text, which is copied
// once, wherever it spells them out.
type parser struct {
	text string
	d    *jsontext.Decoder
}

// newParser leaves duplicate members to object, which needs no table of names of
// its own to find them.
func newParser(data []byte) parser {
	return parser{string(data), jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))}
}

func (p *parser) value() (any, error) {
	switch p.d.PeekKind() {
	case '{':
		return p.object()
	case '[':
		return p.list()
	case '"':
		return p.string()
	case '0':
		number, err := p.scalar()
		return json.Number(number), err
	}
	token, err := p.d.ReadToken()
	if kind := token.Kind(); err == nil && (kind == 't' || kind == 'f') {
		return token.Bool(), nil
	}
	return nil, err
}

func (p *parser) object() (any, error) {
	if err := p.open(); err != nil {
		return nil, err
	}
	var few [16]member // of most objects, so that the map is made once, as large as it has to be
	members := few[:0]
	for p.d.PeekKind() != '}' {
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		value, err := p.value()
		if err != nil {
			return nil, err
		}
		members = append(members, member{name, value})
	}
	object := make(map[string]any, len(members))
	for _, m := range members {
		object[m.name] = m.value
	}
	if len(object) < len(members) {
		return nil, errors.New("a member stands twice")
	}
	_, err := p.d.ReadToken()
	return object, err
}

type member struct {
	name  string
	value any
}

func (p *parser) list() (any, error) {
	if err := p.open(); err != nil {
		return nil, err
	}
	list := []any{}
	for p.d.PeekKind() != ']' {
		element, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, element)
	}
	_, err := p.d.ReadToken()
	return list, err
}

func (p *parser) open() error {
	if _, err := p.d.ReadToken(); err != nil {
		return err
	}
	if p.d.StackDepth() > maxDepth {
		return fmt.Errorf("JSON nested over %d levels", maxDepth)
	}
	return nil
}

func (p *parser) string() (string, error) {
	quoted, err := p.scalar()
	if err != nil {
		return "", err
	}
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], nil
	}
	unquoted, err := jsontext.AppendUnquote(nil, quoted)
	return string(unquoted), err
}

// scalar reads a number, or a string with its quotes, as it is spelled. Where
// neither can stand here it is an error.
func (p *parser) scalar() (string, error) {
	value, err := p.d.ReadValue()
	if err != nil {
		return "", err
	}
	end := int(p.d.InputOffset())
	return p.text[end-len(value) : end], nil
}
