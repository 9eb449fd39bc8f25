package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// An authenticator that a reload keeps is in use meanwhile: nothing of it may be
// written then, which the race detector sees.
func TestReloadKeepsInquirers(t *testing.T) {
	i := startInquiring(t)
	stop := make(chan struct{})
	var client sync.WaitGroup
	client.Go(func() {
		for n := 0; ; n++ { // each time another token, which is asked about
			select {
			case <-stop:
				return
			case <-i.backend.seen:
			default:
			}
			i.oracle.questions()
			token := i.oracle.know(fmt.Sprint("opaque-", n), `{"active":true,"sub":"ann","aud":"chat"}`)
			response, err := i.client.Do(i.request(http.MethodGet, "/opaque", nil, "Authorization: Bearer "+token))
			if err != nil {
				t.Error(err)
				return
			}
			if response.Body.Close(); response.StatusCode != http.StatusOK {
				t.Error(response.Status)
				return
			}
		}
	})
	for range 10 {
		if err := i.app.reload(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	client.Wait()
}
