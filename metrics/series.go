package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// key tells the series of one owner in one vector apart.
type key interface {
	comparable
	// labels returns the label values of the series, in the vector's order.
	labels(owner string) []string
}

// only is the key of an owner that has a single series in the vector.
type only struct{}

func (only) labels(owner string) []string { return []string{owner} }

// value is the key of an owner whose series differ in one more label.
type value string

func (v value) labels(owner string) []string { return []string{owner, string(v)} }

// vector is a prometheus.CounterVec, GaugeVec or HistogramVec.
type vector[M any] interface {
	WithLabelValues(values ...string) M
	DeleteLabelValues(values ...string) bool
}

// series holds the series of one owner (a route, an upstream…) in one vector,
// each created when it is first asked for. A vector's own look-up hashes every
// label value and takes a lock, which costs twenty times an increment; here
// the keys are small and the map is replaced when it grows, never written.
type series[K key, M any] struct {
	vector vector[M]
	owner  string

	held atomic.Pointer[held[K, M]]

	mu       sync.Mutex // serialises growth, retain and detach
	detached bool
}

// held are series by their keys. Most owners have one that counts nearly all there
// is: the first one that was asked for is found without a look into the map.
type held[K key, M any] struct {
	all      map[K]M
	first    K
	ofFirst  M
	hasFirst bool
}

// at returns the series of a key. It returns false once the owner was
// forgotten: a request that outlives its route must not bring back series that
// nobody would delete again.
func (s *series[K, M]) at(k K) (M, bool) {
	if h := s.held.Load(); h != nil {
		if h.hasFirst && h.first == k {
			return h.ofFirst, true
		}
		if m, ok := h.all[k]; ok {
			return m, true
		}
	}
	return s.grow(k)
}

// all returns what is held; it must not be written.
func (s *series[K, M]) all() map[K]M {
	if h := s.held.Load(); h != nil {
		return h.all
	}
	return nil
}

func (s *series[K, M]) grow(k K) (M, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.held.Load()
	if before == nil {
		before = new(held[K, M])
	}
	if m, ok := before.all[k]; ok || s.detached {
		return m, ok
	}
	grown := *before
	grown.all = make(map[K]M, len(before.all)+1)
	maps.Copy(grown.all, before.all)
	m := s.vector.WithLabelValues(k.labels(s.owner)...)
	grown.all[k] = m
	if !grown.hasFirst {
		grown.first, grown.ofFirst, grown.hasFirst = k, m, true
	}
	s.held.Store(&grown)
	return m, true
}

// retain deletes the series whose keys are not kept. One that is asked for
// again starts anew.
func (s *series[K, M]) retain(keep func(K) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(keep)
}

// detach deletes every series, for good.
func (s *series[K, M]) detach() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.detached = true
	s.drop(func(K) bool { return false })
}

func (s *series[K, M]) drop(keep func(K) bool) {
	kept := make(map[K]M)
	for k, m := range s.all() {
		if keep(k) {
			kept[k] = m
		} else {
			s.vector.DeleteLabelValues(k.labels(s.owner)...)
		}
	}
	s.held.Store(&held[K, M]{all: kept})
}
