package config

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// cutJSON cuts a JSON object between its members. It returns nil for anything
// else.
func cutJSON(data []byte) []part {
	// What stands twice is found where the parts are read.
	d := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return nil
	}
	var list []part
	walk := walker{data: data, mark: mark{1, 1}}
	last := part{from: -1}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if last.from < 0 {
			last.from = int(d.InputOffset()) - len(name)
			last.mark = walk.to(last.from)
		}
		if err != nil || d.SkipValue() != nil {
			return nil
		}
		if last.to = int(d.InputOffset()); last.to-last.from >= partBytes {
			list = append(list, last)
			last = part{from: -1}
		}
	}
	if last.from >= 0 {
		list = append(list, last)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil // not the end of the object
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil
	}
	return list
}

// parseJSONPart parses members of an object into what YAML has for them.
func parseJSONPart(data []byte, at mark) (root *yaml.Node, ok bool) {
	object := make([]byte, 0, len(data)+2)
	object = append(append(append(object, '{'), data...), '}')
	// The brace that is not there stands before the first member.
	p := jsonParser{jsontext.NewDecoder(bytes.NewBuffer(object)), walker{data: object, mark: mark{at.line, at.column - 1}}}
	root, err := p.node()
	return root, err == nil
}

// jsonParser makes YAML nodes of JSON, many times faster than YAML's parser would,
// and with the same positions.
type jsonParser struct {
	*jsontext.Decoder
	walk walker
}

func (p *jsonParser) node() (*yaml.Node, error) {
	kind := p.PeekKind()
	if kind != '{' && kind != '[' {
		text, err := p.ReadValue()
		if err != nil {
			return nil, err
		}
		n := scalarNode(kind, text)
		at := p.walk.to(int(p.InputOffset()) - len(text))
		n.Line, n.Column = at.line, at.column
		return n, nil
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if kind == '[' {
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	}
	if _, err := p.ReadToken(); err != nil {
		return nil, err
	}
	at := p.walk.to(int(p.InputOffset()) - 1)
	n.Line, n.Column = at.line, at.column
	for p.PeekKind() != '}' && p.PeekKind() != ']' {
		child, err := p.node()
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, child)
	}
	_, err := p.ReadToken()
	return n, err
}

func scalarNode(kind jsontext.Kind, text []byte) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch kind {
	case '"':
		value, _ := jsontext.AppendUnquote(nil, text) // it is valid: it was read
		n.Tag, n.Style, n.Value = "!!str", yaml.DoubleQuotedStyle, string(value)
		return n
	case 'n':
		n.Tag = nullTag
	case 't', 'f':
		n.Tag = boolTag
	default:
		if n.Tag = intTag; bytes.ContainsAny(text, ".eE") {
			n.Tag = floatTag
		}
	}
	n.Value = string(text)
	return n
}

// walker tells positions in a text, from its beginning on.
type walker struct {
	data   []byte
	offset int
	mark   mark // of the offset
}

// to returns the mark of an offset that is not before the last one.
func (w *walker) to(offset int) mark {
	passed := w.data[w.offset:offset]
	if lines := bytes.Count(passed, []byte("\n")); lines > 0 {
		passed = passed[bytes.LastIndexByte(passed, '\n')+1:]
		w.mark = mark{w.mark.line + lines, 1}
	}
	w.mark.column += utf8.RuneCount(passed)
	w.offset = offset
	return w.mark
}
