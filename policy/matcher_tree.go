package policy

import "strings"

// reading is how a lookup reads a path, in other ways than the contract's.
type reading uint8

const (
	// folded reads segments and literals without what careless backends ignore.
	folded reading = 1 << iota
	// open reads a path as if a slash followed it: the root of a subtree.
	open
	// raw takes a segment for no literal where it is spelled with escapes that
	// it does not need, as backends do that compare paths undecoded.
	raw
)

// tree holds the paths of all routes: for each host, and for none, segment by
// segment. A lookup folds the segments of the path where the literals of the
// tree are folded.
type tree struct {
	folded bool // of the literals
	hosts  map[string]*node
	any    node // of the patterns without a host
}

// node is a place in a path. Each node is reached by one way only, so that a
// lookup, however it backtracks, visits it at most once.
type node struct {
	literals children // {$} is the empty literal
	wildcard *node
	rest     *endpoint // of a multi-segment wildcard or a trailing slash here
	end      *endpoint // of the paths that end here
}

// place returns where the endpoint of p's path stands, making room for it.
func (t *tree) place(p *Pattern) **endpoint {
	n := &t.any
	if p.host != "" {
		if n = t.hosts[p.host]; n == nil {
			n = &node{}
			t.hosts[p.host] = n
		}
	}
	for _, s := range p.segments {
		switch s.kind {
		case restSegment:
			return &n.rest
		case wildcardSegment:
			if n.wildcard == nil {
				n.wildcard = &node{}
			}
			n = n.wildcard
		default:
			key := s.text
			if t.folded {
				key = string(fold([]byte(key)))
			}
			child := findChild(&n.literals, key)
			if child == nil {
				child = &node{}
				n.literals.add(key, child)
			}
			n = child
		}
	}
	return &n.end
}

// find returns the endpoint of the most specific path that matches, nil where
// none does, and pushes the segments of its wildcards.
func (t *tree) find(host, path string, how reading, vals *Values) *endpoint {
	if len(t.hosts) > 0 {
		// A pattern without a port is for every port of its host: many backends
		// choose by the name alone.
		for _, name := range [...]string{host, withoutPort(host)} {
			if n := t.hosts[name]; n != nil {
				if e := n.find(path, how, vals); e != nil {
					return e
				}
			}
		}
	}
	return t.any.find(path, how, vals)
}

// find looks below n for path, which is empty or begins with a slash.
func (n *node) find(path string, how reading, vals *Values) *endpoint {
	if path == "" {
		if how&open != 0 {
			return n.slash(vals)
		}
		return n.end
	}
	segment, rest := path[1:], ""
	if i := strings.IndexByte(segment, '/'); i >= 0 {
		segment, rest = segment[:i], segment[i:]
	}
	child, blank := n.literal(segment, how)
	if blank && path != "/" {
		return n.find(rest, how, vals)
	}
	if child != nil {
		if e := child.find(rest, how, vals); e != nil {
			return e
		}
	}
	if n.wildcard != nil && segment != "" {
		vals.push(segment)
		if e := n.wildcard.find(rest, how, vals); e != nil {
			return e
		}
		vals.pop()
	}
	if n.rest != nil {
		vals.push(path[1:])
	}
	return n.rest
}

// slash returns what a slash after the path leads to.
func (n *node) slash(vals *Values) *endpoint {
	if child := findChild(&n.literals, ""); child != nil && child.end != nil {
		return child.end
	}
	if n.rest != nil {
		vals.push("")
	}
	return n.rest
}

// literal returns the node below n for an escaped segment, and whether folding
// leaves nothing of the segment.
func (n *node) literal(segment string, how reading) (child *node, blank bool) {
	if how&folded == 0 && strings.IndexByte(segment, '%') < 0 {
		return findChild(&n.literals, segment), false
	}
	var buffer [64]byte
	key := appendUnescaped(buffer[:0], segment)
	if how&folded == 0 {
		if how&raw != 0 && needlesslyEscaped(segment) {
			return nil, false
		}
		return findChild(&n.literals, key), false
	}
	key = fold(key)
	return findChild(&n.literals, key), len(key) == 0
}

// children are the literals below a node. Most nodes have one, for which a map
// would cost memory and cache misses.
type children struct {
	few  []child
	many map[string]*node // all of them, once they are more than maxFew
}

type child struct {
	literal string
	*node
}

const maxFew = 8

func (c *children) add(literal string, n *node) {
	if c.many != nil {
		c.many[literal] = n
		return
	}
	c.few = append(c.few, child{literal, n})
	if len(c.few) <= maxFew {
		return
	}
	c.many = map[string]*node{}
	for _, child := range c.few {
		c.many[child.literal] = child.node
	}
	c.few = nil
}

// findChild returns the child for a literal, nil where there is none. It takes
// bytes, too, because converting them would allocate.
func findChild[L string | []byte](c *children, literal L) *node {
	if c.many != nil {
		return c.many[string(literal)]
	}
	for i := range c.few {
		if c.few[i].literal == string(literal) {
			return c.few[i].node
		}
	}
	return nil
}
