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
)

// maxRedirects bounds the redirects of one fetch.
const maxRedirects = 5

// newTransport returns a transport that takes nothing from the environment. A
// fetch every few minutes has no use for an idle connection.
func newTransport() http.RoundTripper {
	return &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
}

// fetch gets the document at the source's URL, and the Cache-Control that came
// with it. Its errors hold no URL.
func (r *Remote) fetch(ctx context.Context) (body []byte, cacheControl string, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.settings.Timeout)
	defer cancel()
	response, err := r.follow(ctx)
	if err == nil {
		defer response.Body.Close()
		body, err = r.read(response)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no complete answer within %s", r.settings.Timeout)
	}
	if err != nil {
		return nil, "", err
	}
	return body, response.Header.Get("Cache-Control"), nil
}

// follow goes after redirects within the origin. It stands in for http.Client,
// which would quote URLs with their query in its errors, and whose cookies and
// credentials have no place here.
func (r *Remote) follow(ctx context.Context) (*http.Response, error) {
	start, err := url.Parse(r.settings.URL)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	at := start
	for range maxRedirects + 1 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, errors.New("not a URL")
		}
		request.Header.Set("Accept", "application/jwk-set+json, application/json")
		request.Header.Set("User-Agent", "postern")
		response, err := r.transport.RoundTrip(request)
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

func (r *Remote) read(response *http.Response) ([]byte, error) {
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered with status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, r.settings.MaxBytes+1))
	if err == nil && int64(len(body)) > r.settings.MaxBytes {
		return nil, fmt.Errorf("answered with more than %d bytes", r.settings.MaxBytes)
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
