package policy

import (
	"net/http"
	"slices"
	"strings"
)

// tree holds the paths of all routes: for each host, and for none, segment by
// segment. A lookup folds the segments of the path where the literals of the
// tree are folded.
type tree struct {
	folded bool
	hosts  map[string]*node // "" for the patterns without a host
}

// node is a place in a path. Each node is reached by one way only, so that a
// lookup, however it backtracks, visits it at most once.
type node struct {
	literals map[string]*node // {$} is the empty literal
	wildcard *node
	rest     *endpoint // of a multi-segment wildcard or a trailing slash here
	end      *endpoint // of the paths that end here
}

// place returns where the endpoint of p's path stands, making room for it.
func (t *tree) place(p *Pattern) **endpoint {
	n := t.hosts[p.host]
	if n == nil {
		n = &node{}
		t.hosts[p.host] = n
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
			child := n.literals[key]
			if child == nil {
				child = &node{}
				if n.literals == nil {
					n.literals = map[string]*node{}
				}
				n.literals[key] = child
			}
			n = child
		}
	}
	return &n.end
}

// find returns the endpoint of the most specific path that matches, nil where
// none does, and pushes the segments of its wildcards.
func (t *tree) find(host, path string, vals *Values) *endpoint {
	if host != "" {
		if n := t.hosts[host]; n != nil {
			if e := n.find(path, t.folded, vals); e != nil {
				return e
			}
		}
	}
	if n := t.hosts[""]; n != nil {
		return n.find(path, t.folded, vals)
	}
	return nil
}

// find looks below n for path, which is empty or begins with a slash.
func (n *node) find(path string, folded bool, vals *Values) *endpoint {
	if path == "" {
		return n.end
	}
	segment, rest := path[1:], ""
	if i := strings.IndexByte(segment, '/'); i >= 0 {
		segment, rest = segment[:i], segment[i:]
	}
	child, blank := n.literal(segment, folded)
	if blank && path != "/" {
		return n.find(rest, folded, vals)
	}
	if child != nil {
		if e := child.find(rest, folded, vals); e != nil {
			return e
		}
	}
	if n.wildcard != nil && segment != "" {
		vals.push(segment)
		if e := n.wildcard.find(rest, folded, vals); e != nil {
			return e
		}
		vals.pop()
	}
	if n.rest != nil {
		vals.push(path[1:])
	}
	return n.rest
}

// literal returns the node below n for an escaped segment, and whether folding
// leaves nothing of the segment.
func (n *node) literal(segment string, folded bool) (child *node, blank bool) {
	if !folded && strings.IndexByte(segment, '%') < 0 {
		return n.literals[segment], false
	}
	var buffer [64]byte
	key := appendUnescaped(buffer[:0], segment)
	if !folded {
		return n.literals[string(key)], false
	}
	key = fold(key)
	return n.literals[string(key)], len(key) == 0
}

// endpoint is a path with all that is served there.
type endpoint struct {
	pattern    *Pattern // any of its patterns: they differ in method and names
	services   []service
	loose      bool  // near misses match
	notAllowed error // for the methods that no service has
}

// service is one pattern of a route at an endpoint.
type service struct {
	pattern *Pattern
	route   *Route
}

// add adds a service, unless there is one for the same method, which is
// returned.
func (e *endpoint) add(s service) (other *service) {
	if other := e.forMethod(s.pattern.method); other != nil {
		return other
	}
	e.services = append(e.services, s)
	return nil
}

// seal computes what follows from the services, once all are added.
func (e *endpoint) seal() {
	var methods []string
	e.loose = true
	for _, s := range e.services {
		// A near miss may not slip into a strict route at the same path.
		e.loose = e.loose && s.route.LoosePaths
		methods = append(methods, s.pattern.method)
	}
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	e.notAllowed = &Denial{Reason: MethodNotAllowed, Allow: strings.Join(slices.Compact(methods), ", ")}
}

// service returns what serves the method, nil where nothing does.
func (e *endpoint) service(method string) *service {
	if s := e.forMethod(method); s != nil {
		return s
	}
	if method == http.MethodHead {
		if s := e.forMethod(http.MethodGet); s != nil {
			return s
		}
	}
	return e.forMethod("")
}

func (e *endpoint) forMethod(method string) *service {
	for i := range e.services {
		if e.services[i].pattern.method == method {
			return &e.services[i]
		}
	}
	return nil
}

// moreSpecificThan compares in the order of the contract: a host before none,
// then segment by segment. Where one path only continues the other, as /a/
// does /a, neither is more specific.
func (e *endpoint) moreSpecificThan(other *endpoint) bool {
	p, q := e.pattern, other.pattern
	if (p.host == "") != (q.host == "") {
		return p.host != ""
	}
	for i := range min(len(p.segments), len(q.segments)) {
		if a, b := p.segments[i].kind, q.segments[i].kind; a != b {
			return a < b
		}
	}
	return false
}
