package keys

import (
	"errors"
	"fmt"
	"time"
)

// restore takes the keys of the last good copy, so that a restart during an
// outage has keys. It is called before the first fetch, which goes on as ever.
func (r *Remote) restore(now time.Time) {
	if r.settings.StateDir == "" || r.Ready() {
		return
	}
	state, keys, err := r.lastGood(now)
	if err != nil {
		r.log.Warn("the last good copy is ignored", "source", r.source, "cause", err.Error())
	}
	if keys == nil {
		return
	}
	// Measured from now, so that a clock that is set later on makes the keys
	// neither younger nor older.
	age := now.Sub(state.Fetched)
	r.success, r.jwksURI = now.Add(-age), state.JWKSURI
	r.set.Store(newSet(keys.Keys))
	r.observer.KeysRestored(r.source, state.Fetched)
	r.log.Info("keys restored from the last good copy", "source", r.source, "keys", len(keys.Keys), "age", age.Round(time.Second).String())
}

func (r *Remote) lastGood(now time.Time) (state *lastGood, keys *Published, err error) {
	defer r.recoverFrom(&err)
	return r.settings.lastGood(r.source, now)
}

// lastGood returns the last good copy and its keys, nil where there is none that
// may be used; the error says why it may not.
func (s RemoteSettings) lastGood(source string, now time.Time) (*lastGood, *Published, error) {
	state, err := readState(s.StateDir, stateName(source, s.Location), s.MaxBytes)
	if state == nil || err != nil {
		return nil, nil, err
	}
	keys, err := s.examine(source, state, now)
	return state, keys, err
}

// examine returns the keys of a copy that may be used.
func (s RemoteSettings) examine(source string, state *lastGood, now time.Time) (*Published, error) {
	switch {
	case state.Source != source || state.Location != s.Location:
		return nil, errors.New("it is of another source")
	case state.Fetched.After(now):
		return nil, errors.New("it is from the future: its age is not known")
	case now.Sub(state.Fetched) >= s.MaxStale:
		return nil, fmt.Errorf("it is older than max_stale (%s)", s.MaxStale)
	}
	if state.Form == Discovery {
		if err := s.checkURL(state.JWKSURI); err != nil {
			return nil, fmt.Errorf("jwks_uri %w", err)
		}
	}
	return state.parse(state.Document)
}

// keep writes the last good copy. That it cannot is told once, as a disk stays full
// for long, and harms nobody until a restart.
func (r *Remote) keep(document []byte, fetched time.Time) {
	if r.settings.StateDir == "" {
		return
	}
	r.mu.Lock()
	state := &lastGood{r.source, r.settings.Location, r.jwksURI, fetched.UTC(), document}
	r.mu.Unlock()
	err := writeState(r.settings.StateDir, stateName(r.source, r.settings.Location), state)
	if err != nil && !r.unkept {
		r.log.Error("keeping the last good copy failed", "source", r.source, "cause", err.Error())
	}
	r.unkept = err != nil
	r.observer.KeysKept(r.source, err == nil)
}
