//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package keys

import (
	"errors"
	"os"
)

// lockFolder cannot keep two processes apart here, so that none may go on.
func lockFolder(*os.Root) (unlock func(), err error) {
	return nil, errors.ErrUnsupported
}
