package keys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxRedirects bounds the redirects of one fetch.
const maxRedirects = 5

// client fetches the documents of one source. Its errors hold no URL.
type client struct {
	transport http.RoundTripper
	timeout   time.Duration
	maxBytes  int64
}

func newClient(s RemoteSettings) *client {
	return &client{newTransport(s), s.Timeout, s.MaxBytes}
}

// get fetches a document, and the Cache-Control that came with it.
func (c *client) get(ctx context.Context, address, accept string) (body []byte, cacheControl string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	response, err := c.follow(ctx, address, accept)
	if err == nil {
		defer response.Body.Close()
		body, err = c.read(response)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no complete answer within %s", c.timeout)
	}
	if err != nil {
		return nil, "", err
	}
	// RFC 9110, section 5.3: lines of one field are one list.
	return body, strings.Join(response.Header.Values("Cache-Control"), ","), nil
}

// follow goes after redirects within the origin. It stands in for http.Client,
// which would quote URLs with their query in its errors, and whose cookies and
// credentials have no place here.
func (c *client) follow(ctx context.Context, address, accept string) (*http.Response, error) {
	start, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	at := start
	for range maxRedirects + 1 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, errors.New("not a URL")
		}
		request.Header.Set("Accept", accept)
		request.Header.Set("User-Agent", "postern")
		response, err := c.transport.RoundTrip(request)
		if err != nil {
			return nil, err
		}
		switch response.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
			http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			response.Body.Close()
		default:
			return response, nil
		}
		location := response.Header.Get("Location")
		if at, err = at.Parse(location); err != nil || location == "" {
			return nil, errors.New("redirected to what is not a URL")
		}
		if origin(at) != origin(start) {
			return nil, errors.New("redirected to another origin")
		}
	}
	return nil, fmt.Errorf("redirected more than %d times", maxRedirects)
}

func (c *client) read(response *http.Response) ([]byte, error) {
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered with status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, c.maxBytes+1))
	if err == nil && int64(len(body)) > c.maxBytes {
		return nil, fmt.Errorf("answered with more than %d bytes", c.maxBytes)
	}
	return body, err
}

// origin returns the scheme, host and port of a URL (RFC 6454, section 4).
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
