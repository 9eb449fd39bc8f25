package metrics

import "sync"

// handles holds the handles of one kind by name, one for each name.
type handles[H interface{ detach() }] struct {
	create func(name string) H

	mu     sync.Mutex
	byName map[string]H
}

func newHandles[H interface{ detach() }](create func(name string) H) *handles[H] {
	return &handles[H]{create: create, byName: make(map[string]H)}
}

// of returns the handle of a name, created where there is none.
func (h *handles[H]) of(name string) H {
	name = label(name)
	h.mu.Lock()
	defer h.mu.Unlock()
	handle, ok := h.byName[name]
	if !ok {
		handle = h.create(name)
		h.byName[name] = handle
	}
	return handle
}

// find returns the handle of a name if there is one.
func (h *handles[H]) find(name string) (H, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	handle, ok := h.byName[label(name)]
	return handle, ok
}

// forget detaches the handles whose names are not kept. The lock is held
// throughout: a new handle of the same name must not count into series that
// the old one is about to delete.
func (h *handles[H]) forget(keep func(name string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, handle := range h.byName {
		if !keep(name) {
			handle.detach()
			delete(h.byName, name)
		}
	}
}

// each calls do with every handle, under the lock.
func (h *handles[H]) each(do func(H)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, handle := range h.byName {
		do(handle)
	}
}

// label returns the value that stands for a name in a label.
func label(name string) string {
	if name == "" {
		return none
	}
	return name
}

// named keeps the names of a set, and what is counted where no name is known.
func named(set map[string]bool) func(name string) bool {
	return func(name string) bool { return name == none || set[name] }
}
