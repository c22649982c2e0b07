package nxapi

import (
	"crypto/rand"
	_ "embed"
	"net/http"
	"strings"
)

//go:embed sandbox.html
var page string

// sandbox serves the page to try requests by hand, to users alone: its requests
// go with the cookie that it came with.
func (s *Server) sandbox(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.login(w, r); !ok {
		return
	}
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'; style-src 'nonce-"+nonce+"'; script-src 'nonce-"+nonce+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = w.Write([]byte(strings.ReplaceAll(page, "NONCE", nonce))) // to who is still there
}
