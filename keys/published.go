package keys

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxReasons bounds what is said about keys that were ignored.
const maxReasons = 8

// Published is what a provider's document holds.
type Published struct {
	// Keys are the usable keys; at least one.
	Keys []*Key
	// Ignored counts the others, and Reasons says why for the first few. No
	// reason quotes what the document holds.
	Ignored int
	Reasons []string
}

func (p *Published) ignore(i int, why error) {
	p.Ignored++
	if len(p.Reasons) < maxReasons {
		p.Reasons = append(p.Reasons, fmt.Sprintf("keys[%d]: %v", i, why))
	}
}

// check refuses a document without a usable key.
func (p *Published) check() (*Published, error) {
	switch {
	case len(p.Keys) > 0:
		return p, nil
	case p.Ignored > 0:
		return nil, fmt.Errorf("no usable key: %s", strings.Join(p.Reasons, "; "))
	default:
		return nil, errors.New("a set without keys")
	}
}

// parseObject reads a JSON document. Names are matched exactly and duplicates
// refused, at every level: that is the default of this package, unlike
// encoding/json's. The error quotes nothing of the document.
func parseObject(data []byte, into any, wants string) error {
	err := json.Unmarshal(data, into)
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("not JSON: %w at byte %d", e.Err, e.ByteOffset)
	}
	if err != nil {
		return errors.New("not " + wants)
	}
	return nil
}
