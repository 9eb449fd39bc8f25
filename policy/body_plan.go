package policy

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// BodyPlan says which parts of a JSON body a route reads: a tree of paths that
// is walked once, along the document. Once built it is safe for concurrent use.
// The zero plan reads nothing.
type BodyPlan struct {
	root  planNode
	paths []ClaimPath
}

// planNode is a place in a document that at least one path leads to.
type planNode struct {
	ends     []int        // the numbers of the paths that end here
	members  []planMember // by name; few, and so searched one by one
	elements *planNode    // of [*]
	indices  map[int]*planNode
}

type planMember struct {
	name string
	*planNode
}

// maxMembers is how many names a plan reads of one object.
const maxMembers = 64

// Add puts a path into the plan and returns its number; equal paths share one.
// The error is that of a path which no document can satisfy beside the others.
func (p *BodyPlan) Add(path ClaimPath) (int, error) {
	for i, known := range p.paths {
		if known.text == path.text {
			return i, nil
		}
	}
	n := &p.root
	for _, s := range path.steps {
		if s.isIndex && n.members != nil || !s.isIndex && n.wantsList() {
			return 0, fmt.Errorf("%s: another path needs an object where this one needs a list, or the other way round", path)
		}
		if n = n.child(s); n == nil {
			return 0, fmt.Errorf("%s: more than %d members of one object are read", path, maxMembers)
		}
	}
	p.paths = append(p.paths, path)
	n.ends = append(n.ends, len(p.paths)-1)
	return len(p.paths) - 1, nil
}

// Empty reports whether the plan reads nothing.
func (p *BodyPlan) Empty() bool { return len(p.paths) == 0 }

// child returns the node that a step leads to, making it where it is new; nil
// where there is no room.
func (n *planNode) child(s step) *planNode {
	switch {
	case !s.isIndex:
		if i := n.member([]byte(s.key)); i >= 0 {
			return n.members[i].planNode
		}
		if len(n.members) == maxMembers {
			return nil
		}
		n.members = append(n.members, planMember{s.key, &planNode{}})
		return n.members[len(n.members)-1].planNode
	case s.index == allElements:
		if n.elements == nil {
			n.elements = &planNode{}
		}
		return n.elements
	}
	if n.indices == nil {
		n.indices = map[int]*planNode{}
	}
	if n.indices[s.index] == nil {
		n.indices[s.index] = &planNode{}
	}
	return n.indices[s.index]
}

func (n *planNode) wantsList() bool { return n.elements != nil || n.indices != nil }

// member returns the index of a name that is read, -1 for any other.
func (n *planNode) member(name []byte) int {
	for i := range n.members {
		if n.members[i].name == string(name) {
			return i
		}
	}
	return -1
}

// alias reports whether some backend takes a name that is not read for one that
// is, or, as those in JavaScript do that copy the object, for all of them.
func (n *planNode) alias(name []byte) bool {
	if string(name) == "__proto__" {
		return true
	}
	for i := range n.members {
		if isMemberAlias(name, n.members[i].name) {
			return true
		}
	}
	return false
}

// isMemberAlias reports whether some parser of JSON takes name for read: one that
// ignores case, whatever the script, or ends a name at NUL.
func isMemberAlias(name []byte, read string) bool {
	for _, want := range read {
		got, size := utf8.DecodeRune(name)
		if size == 0 || foldRune(got) != foldRune(want) {
			return false
		}
		name = name[size:]
	}
	return len(name) == 0 || name[0] == 0
}

// foldRune returns the same rune for all that differ only in case. Upper case
// comes first: it joins what lower case alone keeps apart, such as the long s
// and s.
func foldRune(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }
