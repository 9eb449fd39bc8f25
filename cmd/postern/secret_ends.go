package main

import (
	"time"

	"postern/config"
)

// secretEnds calls each with every configured secret or static token and its
// end, the zero time for none, and returns the set of their ids.
func secretEnds(a config.Authenticator, each func(id string, end time.Time)) map[string]bool {
	ids := map[string]bool{}
	switch {
	case a.Token != nil:
		for _, t := range a.Token.List() {
			ids[t.ID] = true
			each(t.ID, t.NotAfter)
		}
	case a.JWT != nil:
		for _, s := range a.JWT.Keys.Secrets {
			ids[s.ID] = true
			each(s.ID, s.NotAfter)
		}
	case a.Signature != nil:
		for _, s := range a.Signature.Secrets {
			ids[s.ID] = true
			each(s.ID, s.NotAfter)
		}
	}
	return ids
}
