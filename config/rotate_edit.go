package config

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"postern/keys"
)

var errAliased = errors.New("the list has aliases or anchors (* or &), which another place would change with: write it out first")

// editSecrets makes the list of a file, which was read as have, that of want: its
// first secret is new, and of the others only the ends may differ.
func editSecrets(data []byte, tenant string, have, want []keys.SecretSettings) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	list := doc.Content[0]
	if tenant != "" {
		e, _ := find(list, tenant)
		list = e.value
	}
	if list.Kind != yaml.SequenceNode {
		return nil, errAliased
	}
	quoted := isJSON(data)
	for i, s := range want[1:] {
		if s.NotAfter.Equal(have[i].NotAfter) {
			continue
		}
		if err := setEnd(list.Content[i], s.NotAfter, quoted); err != nil {
			return nil, err
		}
	}
	fresh := secretNode(want[0], quoted)
	if list.Style&yaml.FlowStyle != 0 || len(list.Content) > 0 && list.Content[0].Style&yaml.FlowStyle != 0 {
		fresh.Style = yaml.FlowStyle
	}
	list.Content = slices.Insert(list.Content, 0, fresh)
	if quoted {
		text := jsontext.Value(appendJSON(nil, doc.Content[0]))
		err := text.Indent(jsontext.WithIndent("  "))
		return append(text, '\n'), err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&doc); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

const endKey = "not_after"

// setEnd writes the end of a secret.
func setEnd(m *yaml.Node, end time.Time, quoted bool) error {
	value := textNode(end.Format(time.RFC3339), quoted)
	e, written := find(m, endKey)
	switch {
	case m.Kind != yaml.MappingNode, written && e.value.Kind != yaml.ScalarNode:
		return errAliased
	case written:
		e.value.Value = value.Value
	default:
		m.Content = append(m.Content, textNode(endKey, quoted), value)
	}
	return nil
}

func secretNode(s keys.SecretSettings, quoted bool) *yaml.Node {
	text := func(s string) *yaml.Node { return textNode(s, quoted) }
	value := textNode(string(s.Value.Literal+s.Value.Plain), true)
	switch {
	case s.Value.SHA256 != "":
		value = &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: []*yaml.Node{text("sha256"), textNode(s.Value.SHA256, true)}}
	case s.Value.Encoding != "":
		value = &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: []*yaml.Node{
			text("value"), value, text("encoding"), text(s.Value.Encoding),
		}}
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{text("id"), textNode(s.ID, true), text("value"), value}}
	if len(s.Attributes) > 0 {
		attributes := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
			attributes.Content = append(attributes.Content, textNode(name, true), textNode(s.Attributes[name], true))
		}
		n.Content = append(n.Content, text("attributes"), attributes)
	}
	return n
}

// textNode returns a scalar, which means a text for certain where it is quoted.
func textNode(text string, quoted bool) *yaml.Node {
	if quoted {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: text}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: text}
}

// appendJSON appends a node of a file that is JSON.
func appendJSON(b []byte, n *yaml.Node) []byte {
	switch {
	case n.Kind == yaml.MappingNode:
		b = append(b, '{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSON(b, n.Content[i]), ':')
			b = appendJSON(b, n.Content[i+1])
		}
		return append(b, '}')
	case n.Kind == yaml.SequenceNode:
		b = append(b, '[')
		for i, item := range n.Content {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, item)
		}
		return append(b, ']')
	case n.Style&yaml.DoubleQuotedStyle != 0:
		b, _ = jsontext.AppendQuote(b, n.Value) // it is valid UTF-8: it was read
		return b
	}
	return append(b, n.Value...)
}
