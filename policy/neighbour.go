package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Neighbour is a pattern that a request came near to, and why it is not the one
// that matched.
type Neighbour struct {
	Route   *Route
	Pattern *Pattern
	Why     string

	depth int // how many segments agree, twice, and one more for a near miss
}

// Neighbours returns at most limit patterns of routes that come nearest to a
// request, the nearest first, without the one that won, nil for none. They are
// asked one by one, each as a [Matcher] of its own; host and path are as for
// [Matcher.Match].
func Neighbours(routes []*Route, won *Pattern, method, host, escapedPath string, limit int) []Neighbour {
	var list []Neighbour
	for _, r := range routes {
		for _, p := range r.Patterns {
			if p == won {
				continue
			}
			why, depth := p.miss(won, method, host, escapedPath)
			list = append(list, Neighbour{r, p, why, depth})
		}
	}
	slices.SortStableFunc(list, func(a, b Neighbour) int { return b.depth - a.depth })
	list = list[:min(len(list), limit)]
	// What differs from the beginning is no neighbour, unless there is no other.
	return slices.DeleteFunc(list, func(n Neighbour) bool { return n.depth == 0 && (won != nil || list[0].depth > 0) })
}

// matchAlone returns what a matcher of the pattern alone says.
func (p *Pattern) matchAlone(method, host, path string) error {
	m, _ := NewMatcher([]*Route{{Patterns: []*Pattern{p}}})
	var ignored Values
	_, err := m.Match(method, host, path, &ignored)
	return err
}

// miss says why a pattern did not win a request, and how near it came.
func (p *Pattern) miss(won *Pattern, method, host, path string) (why string, depth int) {
	err := p.matchAlone(method, host, path)
	depth = 2 * (len(p.segments) + 1)
	switch {
	case err == nil && won == nil:
		return "it matches alone, but the path is refused beside the others", depth
	case err == nil:
		return p.outdone(won), depth
	case ReasonOf(err) == MethodNotAllowed:
		return fmt.Sprintf("the method is %s, not %s", method, p.method), depth
	case p.host != "" && (&Pattern{host: p.host, segments: []segment{{kind: restSegment}}}).matchAlone(method, host, "/") != nil:
		return fmt.Sprintf("the host is %s, not %s", Show(host), p.host), 0
	}
	return p.differs(p.agreeing(method, host, path), path)
}

// agreeing returns how many segments of the pattern agree with the path, from the
// left: as many as lead, as the root of a subtree, to where the path goes on.
func (p *Pattern) agreeing(method, host, path string) int {
	open := strings.TrimSuffix(path, "/") + "/"
	for n := range p.segments {
		subtree := &Pattern{host: p.host, segments: append(slices.Clone(p.segments[:n+1]), segment{kind: restSegment})}
		if p.segments[n].kind == restSegment || subtree.matchAlone(method, host, open) != nil {
			return n
		}
	}
	return len(p.segments)
}

// differs says what comes after n segments that agree, and how near that is.
func (p *Pattern) differs(n int, path string) (why string, depth int) {
	depth = 2 * n
	parts, wanted := strings.Split(strings.TrimPrefix(path, "/"), "/"), strings.Split(p.path[1:], "/")
	switch {
	case n >= len(wanted):
		return fmt.Sprintf("the path goes on after segment %d", n), depth
	case n >= len(parts), n == len(parts)-1 && parts[n] == "":
		return fmt.Sprintf("the path has no segment %d, which is %s", n+1, shownSegment(wanted[n])), depth
	case string(fold([]byte(parts[n]))) == string(fold([]byte(wanted[n]))):
		depth++
	}
	return fmt.Sprintf("segment %d is %s, not %s", n+1, Show(parts[n]), shownSegment(wanted[n])), depth
}

// shownSegment writes a segment of a pattern: as it stands there, or what stands
// for the end.
func shownSegment(text string) string {
	if text == "" || text == "{$}" {
		return "the end of the path after a slash"
	}
	return text
}

// outdone says why another pattern wins what both match.
func (p *Pattern) outdone(won *Pattern) string {
	if p.host == "" && won.host != "" {
		return fmt.Sprintf("it matches, too, but %s names the host", won)
	}
	theirs, ours := strings.Split(won.path[1:], "/"), strings.Split(p.path[1:], "/")
	for i := range min(len(p.segments), len(won.segments)) {
		if won.segments[i].kind != p.segments[i].kind {
			return fmt.Sprintf("it matches, too, but in segment %d %s is more specific than %s", i+1, orSubtree(theirs[i]), orSubtree(ours[i]))
		}
	}
	if won.method != p.method {
		return fmt.Sprintf("it matches, too, but %s names the method", won)
	}
	return fmt.Sprintf("it matches, too, but %s is more specific", won)
}

func orSubtree(text string) string {
	if text == "" {
		return "a trailing slash"
	}
	return text
}
