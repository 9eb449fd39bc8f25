package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// maxBodyDepth bounds the nesting of a body, also where no path leads: backends
// that read it by recursion must survive it.
const maxBodyDepth = 500

// maxBodyValues bounds what is collected of one body: a list takes more memory
// than the two bytes of an element.
const maxBodyValues = 50_000

// BodyValues holds, by the number of a path, what a body has there: one value
// for a plain path, one for each element under [*]. An empty or missing list
// counts as one element that is missing.
type BodyValues [][]BodyValue

var (
	errBodyAlias     = errors.New("a name could be taken for one that is read")
	errBodyContainer = errors.New("a value stands where an object or a list is read")
	errBodyTrailing  = errors.New("there is something after the document")
	errBodyValues    = fmt.Errorf("it has over %d values where the route reads", maxBodyValues)
	errBodyDepth     = fmt.Errorf("it is nested over %d levels", maxBodyDepth)
)

// Size returns how many bytes the values take beside the body.
func (v BodyValues) Size() (bytes int64) {
	for _, values := range v {
		bytes += int64(cap(values)) * int64(unsafe.Sizeof(BodyValue(nil)))
	}
	return bytes
}

// NoBody returns the values of a request without a body: every path is missing.
func (p *BodyPlan) NoBody() BodyValues {
	c := p.collection()
	c.miss(&p.root)
	return c.values
}

// Scan walks one JSON document (RFC 8259) and collects what the plan reads. It
// goes over the document once and copies nothing of it: the values are parts of
// body. It refuses what parsers disagree on: duplicate names anywhere, names
// that could be taken for one that is read, invalid UTF-8, a byte order mark,
// data after the document, nesting over 500 levels, and a container of another
// type than a path needs.
func (p *BodyPlan) Scan(body []byte) (BodyValues, error) {
	if nesting(body) > maxBodyDepth {
		return nil, errBodyDepth
	}
	c := p.collection()
	s := newBodyScan(body, c)
	if err := s.value(&p.root); err != nil {
		return nil, err
	}
	if _, err := s.decoder.ReadToken(); err == nil {
		return nil, errBodyTrailing
	} else if err != io.EOF {
		return nil, err
	}
	return c.values, nil
}

// nesting returns how deep a document is nested, or more where that is little;
// where it is no JSON, as far as a parser could follow it.
func nesting(document []byte) (deepest int) {
	// Most documents have fewer brackets in all than may be open at a time.
	brackets := bytes.Count(document, []byte{'{'}) + bytes.Count(document, []byte{'['})
	if brackets <= maxBodyDepth {
		return brackets
	}
	depth := 0
	for i := 0; i < len(document); i++ {
		switch document[i] {
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		case '"': // to the end of the string
			for i++; i < len(document) && document[i] != '"'; i++ {
				if document[i] == '\\' {
					i++
				}
			}
		}
	}
	return deepest
}

// bodyScan is a walk over a document, or over a value inside one.
type bodyScan struct {
	body    []byte
	decoder *jsontext.Decoder
	found   *collection
	name    []byte // of the last member, unquoted
}

func newBodyScan(body []byte, found *collection) *bodyScan {
	// From a bytes.Buffer the decoder reads without a copy.
	return &bodyScan{body: body, decoder: jsontext.NewDecoder(bytes.NewBuffer(body)), found: found}
}

// value walks the next value; n is its place in the plan, nil where no path
// leads.
func (s *bodyScan) value(n *planNode) error {
	kind := s.decoder.PeekKind()
	switch {
	case n == nil || n.members == nil && !n.wantsList():
		value, err := s.whole()
		if err == nil && n != nil {
			s.found.add(n, value)
		}
		return err
	case kind == '{' && n.members != nil:
		return s.container(n, (*bodyScan).members)
	case kind == '[' && n.wantsList():
		return s.container(n, (*bodyScan).elements)
	case kind == 'n':
		s.found.miss(n)
		_, err := s.decoder.ReadToken()
		return err
	}
	return errBodyContainer
}

// whole reads the next value without looking into it. The decoder checks its
// names all the same.
func (s *bodyScan) whole() (BodyValue, error) {
	value, err := s.decoder.ReadValue()
	if err != nil || value.Kind() == 'n' {
		return nil, err
	}
	end := s.decoder.InputOffset()
	return s.body[end-int64(len(value)) : end : end], nil
}

// container walks an object or a list whose inside the plan reads, and maybe the
// whole, too.
func (s *bodyScan) container(n *planNode, inside func(*bodyScan, *planNode) error) error {
	if _, err := s.decoder.ReadToken(); err != nil {
		return err
	}
	begin := s.decoder.InputOffset() - 1
	if err := inside(s, n); err != nil {
		return err
	}
	if _, err := s.decoder.ReadToken(); err != nil {
		return err
	}
	end := s.decoder.InputOffset()
	s.found.add(n, s.body[begin:end:end])
	return nil
}

func (s *bodyScan) members(n *planNode) error {
	var seen uint64 // by index of the member
	for s.decoder.PeekKind() != '}' {
		quoted, err := s.decoder.ReadValue()
		if err != nil {
			return err
		}
		s.name = appendUnquoted(s.name[:0], quoted)
		var member *planNode
		if i := n.member(s.name); i >= 0 {
			seen |= 1 << i
			member = n.members[i].planNode
		} else if n.alias(s.name) {
			return errBodyAlias
		}
		if err := s.value(member); err != nil {
			return err
		}
	}
	for i := range n.members {
		if seen&(1<<i) == 0 {
			s.found.miss(n.members[i].planNode)
		}
	}
	return nil
}

func (s *bodyScan) elements(n *planNode) error {
	length := 0
	for ; s.decoder.PeekKind() != ']'; length++ {
		if s.found.size > maxBodyValues {
			return errBodyValues
		}
		if err := s.element(n.elements, n.indices[length]); err != nil {
			return err
		}
	}
	if length == 0 && n.elements != nil {
		s.found.miss(n.elements)
	}
	for i, at := range n.indices {
		if i >= length {
			s.found.miss(at)
		}
	}
	return nil
}

// element walks an element of a list, which paths with [*] and paths with its
// index may lead into.
func (s *bodyScan) element(every, own *planNode) error {
	switch {
	case own == nil:
		return s.value(every)
	case every == nil:
		return s.value(own)
	}
	value, err := s.decoder.ReadValue()
	if err != nil {
		return err
	}
	end := s.decoder.InputOffset()
	for _, n := range [...]*planNode{every, own} {
		inner := newBodyScan(s.body[end-int64(len(value)):end], s.found)
		if err := inner.value(n); err != nil {
			return err
		}
	}
	return nil
}

// collection is what a scan has found so far.
type collection struct {
	values BodyValues
	size   int // of all values
}

func (p *BodyPlan) collection() *collection {
	return &collection{values: make(BodyValues, len(p.paths))}
}

// add appends a value to the paths that end at n.
func (c *collection) add(n *planNode, value BodyValue) {
	for _, end := range n.ends {
		c.values[end] = append(c.values[end], value)
		c.size++
	}
}

// miss notes that nothing is at n, nor at any place that is read inside it.
func (c *collection) miss(n *planNode) {
	c.add(n, nil)
	for i := range n.members {
		c.miss(n.members[i].planNode)
	}
	if n.elements != nil {
		c.miss(n.elements)
	}
	for _, at := range n.indices {
		c.miss(at)
	}
}
