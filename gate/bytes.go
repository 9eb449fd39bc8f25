package gate

import (
	"io"

	"postern/policy"
)

// Bytes is a [Body] that is there as a whole, for decisions about a request that
// nobody sends. Nothing of it counts.
type Bytes []byte

// ReadAll implements [Body].
func (b Bytes) ReadAll(limit int64) ([]byte, error) {
	if int64(len(b)) > limit {
		return nil, policy.Deny(policy.BodyTooLarge, "")
	}
	return b, nil
}

// Buffer implements [Body].
func (b Bytes) Buffer(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = policy.Deny(policy.BodyTooLarge, "")
	}
	return data, err
}

// Reserve implements [Body].
func (b Bytes) Reserve(int64) error { return nil }
