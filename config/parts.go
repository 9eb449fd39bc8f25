package config

import (
	"bytes"
	"reflect"
	"sort"
	"sync"

	"go.yaml.in/yaml/v3"
)

// partBytes is about how much of a large mapping is parsed at a time. The nodes of
// a file take twenty times its size, of which only those of a part are needed.
const partBytes = 128 << 10

// parts are a mapping that is parsed in parts, each with some of its entries.
type parts struct {
	data  []byte
	list  []part
	parse func(data []byte, at mark) (root *yaml.Node, ok bool)
	lines map[string]int // on which each key stands

	held int // the part that hold returned last, and its root
	root *yaml.Node
}

// part is data[from:to], which begins at a mark.
type part struct {
	from, to int
	mark
}

// decodeParts is [parseAny] and [document.decode] for a large file that holds a
// mapping. It reports false where it cannot do what they do: they tell what is
// wrong with the file, if anything is.
func decodeParts(file string, data []byte, into any) (d *document, errs Errors, ok bool) {
	v := reflect.ValueOf(into).Elem()
	d = &document{file: file}
	if len(data) <= partBytes || v.Kind() != reflect.Map || !d.checkText(data) {
		return nil, nil, false
	}
	p := cut(data)
	if p.list == nil {
		return nil, nil, false
	}
	dec := newDecoder(d)
	m := reflect.MakeMap(v.Type())
	for i, root := range p.roots {
		if root == nil || !d.checkPart(root, p.list[i]) {
			return nil, nil, false
		}
		for e := range entries(root) {
			if line, duplicate := p.lines[e.key]; duplicate {
				d.failf(markOf(e.keyNode), "duplicate key: the first one is on line %d", line)
				continue
			}
			p.lines[e.key] = e.keyNode.Line
		}
		dec.entries(root, m)
	}
	v.Set(m)
	d.parts = p
	return d, d.errs.Sorted(), true
}

// checkPart is [document.checkStructure] for a part.
func (d *document) checkPart(root *yaml.Node, p part) bool {
	whole := d.root
	d.root = root
	bounded := d.checkStructure(p.to - p.from)
	d.root = whole
	return bounded
}

// cut returns the parts of a file: members of a JSON object, or lines of a YAML
// mapping that begin with a key. It has none of a file that may be more than that.
func cut(data []byte) *parts {
	p := &parts{data: data, lines: map[string]int{}, held: -1}
	if p.list = cutJSON(data); p.list != nil {
		p.parse = parseJSONPart
	} else {
		p.list, p.parse = cutYAML(data), parseYAMLPart
	}
	return p
}

func (p *parts) parsePart(i int) (root *yaml.Node, ok bool) {
	return p.parse(p.data[p.list[i].from:p.list[i].to], p.list[i].mark)
}

// roots yields the root of each part, nil where it could not be parsed: that is
// the last one. While one is in use, the next one is parsed.
func (p *parts) roots(yield func(i int, root *yaml.Node) bool) {
	ahead, stop := make(chan *yaml.Node), make(chan struct{})
	var parsing sync.WaitGroup
	parsing.Go(func() {
		for i := range p.list {
			root, ok := p.parsePart(i)
			if !ok {
				root = nil
			}
			select {
			case ahead <- root:
			case <-stop:
				return
			}
			if !ok {
				return
			}
		}
	})
	defer parsing.Wait()
	defer close(stop)
	for i := range p.list {
		if root := <-ahead; !yield(i, root) || root == nil {
			return
		}
	}
}

// hold returns the root of the part with a key, or of the first one.
func (p *parts) hold(key string) *yaml.Node {
	line := p.lines[key]
	i := max(0, sort.Search(len(p.list), func(i int) bool { return p.list[i].line > line })-1)
	for ; ; i-- { // of several parts on one line it may be an earlier one
		if p.held != i {
			p.held = i
			p.root, _ = p.parsePart(i)
		}
		if _, here := find(p.root, key); here || i == 0 || p.list[i].line < line {
			return p.root
		}
	}
}

// cutYAML cuts before lines that begin with a letter or the like: in a block
// mapping that is a key. Where it is none, as within a quoted string, a part is
// no YAML.
func cutYAML(data []byte) []part {
	if bytes.HasPrefix(data, []byte("%")) || bytes.HasPrefix(data, []byte("---")) ||
		bytes.Contains(data, []byte("\n---")) || bytes.Contains(data, []byte("\n...")) {
		return nil // more than one document, perhaps
	}
	var list []part
	from, at, line := 0, mark{1, 1}, 1
	for i, c := range data {
		if c != '\n' {
			continue
		}
		if line++; i+1-from >= partBytes && i+1 < len(data) && beginsKey(data[i+1]) {
			list = append(list, part{from, i + 1, at})
			from, at = i+1, mark{line, 1}
		}
	}
	return append(list, part{from, len(data), at})
}

// beginsKey reports whether a line that begins so is the first one of an entry.
// Quotes and everything that means something to YAML may be something else.
func beginsKey(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '/' || c >= 0x80
}

func parseYAMLPart(data []byte, at mark) (root *yaml.Node, ok bool) {
	var d document
	if !d.parse(data) || d.root.Kind != yaml.MappingNode {
		return nil, false
	}
	shift(d.root, at.line-1)
	return d.root, true
}

func shift(n *yaml.Node, lines int) {
	n.Line += lines
	for _, child := range n.Content {
		shift(child, lines)
	}
}
