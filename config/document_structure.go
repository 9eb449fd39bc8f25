package config

import "go.yaml.in/yaml/v3"

const (
	// maxDepth is several times what the deepest setting needs.
	maxDepth = 64
	// minExpansion is how many nodes aliases may add to however small a file.
	minExpansion = 100_000
)

// extent is the size of a value whose aliases are followed.
type extent struct{ nodes, height int }

// survey is one walk over a document that looks at what holds for every
// setting alike: depth, aliases, tags and keys. Each node is seen once,
// however often it is aliased.
type survey struct {
	*document
	// anchored holds the values with an anchor that the walk has left. YAML
	// sets an anchor before its aliases, so an alias of a value that is not
	// here stands inside it.
	anchored map[*yaml.Node]extent
	// expansion is how many nodes aliases may still add. Without the limit a
	// few lines of lists of aliases stand for billions of nodes.
	expansion int
}

// checkStructure records the faults of structure and reports whether the
// document is bounded: only then may it be walked through its aliases.
func (d *document) checkStructure(fileBytes int) bool {
	s := survey{document: d, anchored: make(map[*yaml.Node]extent), expansion: fileBytes + minExpansion}
	_, bounded := s.visit(d.root, 0)
	return bounded
}

func (s *survey) visit(n *yaml.Node, depth int) (e extent, bounded bool) {
	if n.Kind == yaml.AliasNode {
		return s.follow(n, depth)
	}
	if depth > maxDepth {
		s.failf(markOf(n), "nested deeper than %d levels", maxDepth)
		return e, false
	}
	if n.Style&yaml.TaggedStyle != 0 {
		s.failf(markOf(n), "tags are not supported; text that begins with ! needs quotes")
	}
	if n.Kind == yaml.MappingNode {
		s.checkKeys(n)
	}
	e.nodes = 1
	for _, child := range n.Content {
		c, bounded := s.visit(child, depth+1)
		if !bounded {
			return e, false
		}
		e.nodes += c.nodes
		e.height = max(e.height, c.height+1)
	}
	if n.Anchor != "" {
		s.anchored[n] = e
	}
	return e, true
}

func (s *survey) follow(alias *yaml.Node, depth int) (e extent, bounded bool) {
	e, left := s.anchored[alias.Alias]
	s.expansion -= e.nodes
	switch {
	case !left:
		s.failf(markOf(alias), "an alias stands inside the value that it repeats")
	case depth+e.height > maxDepth:
		s.failf(markOf(alias), "nested deeper than %d levels", maxDepth)
	case s.expansion < 0:
		s.failf(markOf(alias), "aliases repeat too much")
	default:
		return e, true
	}
	return e, false
}

func (s *survey) checkKeys(n *yaml.Node) {
	for i := 0; i < len(n.Content); i += 2 {
		if fault := keyFault(n.Content[i]); fault != "" {
			s.failf(markOf(n.Content[i]), "%s", fault)
		}
	}
	firstLine := make(map[string]int, len(n.Content)/2)
	for e := range entries(n) {
		if line, duplicate := firstLine[e.key]; duplicate {
			s.failf(markOf(e.keyNode), "duplicate key: the first one is on line %d", line)
			continue
		}
		firstLine[e.key] = e.keyNode.Line
	}
}
