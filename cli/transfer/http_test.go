package transfer

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/cli/location"
)

// web is two servers, one of them with a certificate, and a client.
type web struct {
	plain, secure *httptest.Server
	*Client
}

func serve(t *testing.T, trusted bool) *web {
	t.Helper()
	w := &web{}
	mux := http.NewServeMux()
	mux.HandleFunc("/f", func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "vlan 5\n") })
	mux.HandleFunc("/private", func(rw http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "bob" || password != "Cirrus-5" {
			http.Error(rw, "no", http.StatusUnauthorized)
		}
	})
	mux.HandleFunc("/again", func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/again", http.StatusFound) })
	mux.HandleFunc("/there", func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/f", http.StatusFound) })
	mux.HandleFunc("/down", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, w.plain.URL+"/f", http.StatusFound)
	})
	mux.HandleFunc("/endless", func(rw http.ResponseWriter, r *http.Request) {
		for {
			if _, err := rw.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/half", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", "100")
		io.WriteString(rw, "half")
	})
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	w.plain, w.secure = httptest.NewServer(mux), httptest.NewTLSServer(mux)
	t.Cleanup(w.plain.Close)
	t.Cleanup(w.secure.Close)
	roots := x509.NewCertPool()
	if trusted {
		roots.AddCert(w.secure.Certificate())
	}
	w.Client = New(Config{
		KnownHosts: filepath.Join(t.TempDir(), "known_hosts"), Roots: roots, Silence: 2 * time.Second,
		Dial: func(ctx context.Context, network, address, vrf string) (net.Conn, error) {
			if vrf == "management" {
				return nil, location.Error("There is no mgmt0.")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	})
	return w
}

// limited takes so many bytes.
type limited struct {
	bytes.Buffer
	limit int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > l.limit {
		return 0, errors.New("ERROR: No space left on device: f")
	}
	return l.Buffer.Write(p)
}

func TestHTTP(t *testing.T) {
	w := serve(t, true)
	bob := location.Operator{Ask: func(_ context.Context, question string, hidden bool) (string, error) {
		if !hidden || !strings.HasPrefix(question, "bob@127.0.0.1's password: ") {
			return "", errors.New("asked " + question)
		}
		return "Cirrus-5", nil
	}}
	for _, c := range []struct{ at, vrf, want string }{
		{"/f", "", "vlan 5\n"}, {"/there", "default", "vlan 5\n"}, {"bob@/private", "", ""},
		{"/f", "management", "ERROR: There is no mgmt0."}, {"/none", "", "ERROR: 127.0.0.1: HTTP status 404 Not Found"},
		{"/private", "", "ERROR: 127.0.0.1: HTTP status 401 Unauthorized"}, {"/again", "", "ERROR: The server redirects too often"},
		{"/endless", "", "ERROR: No space left on device: f"}, {"/half", "", "ERROR: 127.0.0.1: unexpected EOF"},
		{"/silent", "", "ERROR: 127.0.0.1 does not answer"},
	} {
		for _, s := range []*httptest.Server{w.plain, w.secure} {
			scheme, host, _ := strings.Cut(s.URL, "://")
			user, path, ok := strings.Cut(c.at, "@")
			if !ok {
				user, path = "", c.at
			} else {
				user += "@"
			}
			u, err := location.Parse(scheme + "://" + user + host + path)
			if err != nil {
				t.Fatal(err)
			}
			out := limited{limit: 1 << 20}
			err = w.Get(t.Context(), u, c.vrf, bob, &out)
			got := out.String()
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%s: got %q, want %q", u, got, c.want)
			}
		}
	}
	down, err := location.Parse(w.secure.URL + "/down")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Get(t.Context(), down, "", bob, io.Discard); err == nil || err.Error() != "ERROR: The server redirects from https to http" {
		t.Errorf("down: %v", err)
	}
}

func TestCertificate(t *testing.T) {
	w := serve(t, false)
	u, err := location.Parse(w.secure.URL + "/f")
	if err != nil {
		t.Fatal(err)
	}
	err = w.Get(t.Context(), u, "", location.Operator{}, io.Discard)
	if err == nil || !strings.HasPrefix(err.Error(), "ERROR: The server's certificate is not trusted: ") {
		t.Errorf("%v", err)
	}
}

// TestInterrupt: a transfer ends with its context.
func TestInterrupt(t *testing.T) {
	w := serve(t, true)
	u, err := location.Parse(w.plain.URL + "/endless")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	who := location.Operator{Moved: func(done, total int64) {
		if done > 1<<20 {
			cancel()
		}
	}}
	if err := w.Get(ctx, u, "", who, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	u.Port = 1
	if err := w.Get(t.Context(), u, "", location.Operator{}, io.Discard); err == nil || err.Error() != "ERROR: 127.0.0.1: connection refused" {
		t.Errorf("nobody there: %v", err)
	}
}
