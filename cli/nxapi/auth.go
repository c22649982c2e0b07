package nxapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"trunkline/feature"
)

// A client proves its user by HTTP basic authentication (RFC 7617) or by the
// cookie that it got for that. The cookie says who and until when under a key of
// the process, together with the user's role and proof: a user who is removed or
// gets another role or password needs a new one, and the server keeps nothing.

// cookieName is that of NX-OS.
const cookieName = "nxapi_auth"

// maxUser is the longest name of a user that is worth asking for, in bytes.
const maxUser = 128

// challenge asks for a user and a password, in UTF-8 (RFC 7617 §2.1).
const challenge = `Basic realm="Secure Zone", charset="UTF-8"`

// login finds who sends a request. It answers one of whom that is not known, and
// does not keep his connection.
func (s *Server) login(w http.ResponseWriter, r *http.Request) (who feature.Identity, ok bool) {
	defer func() {
		if ok {
			w.Header().Del("Connection")
		}
	}()
	user, password, basic := r.BasicAuth()
	// What the request says itself is stronger than a cookie, which a program may
	// have kept from another user.
	if who, ok := s.remembered(r); ok && (r.Header.Get("Authorization") == "" || basic && user == who.User) {
		return who, true
	}
	if basic && len(user) <= maxUser && user != "" {
		who, err := s.cfg.Auth.Password(r.Context(), user, password, address(r.RemoteAddr))
		switch {
		case err == nil:
			http.SetCookie(w, s.cookie(who, time.Now(), r.TLS != nil))
			return who, true
		case s.cfg.Busy != nil && errors.Is(err, s.cfg.Busy):
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many logins at a time", http.StatusServiceUnavailable)
			return feature.Identity{}, false
		}
	}
	(&refusal{http.StatusUnauthorized, "401 Authorization Required"}).answer(w)
	return feature.Identity{}, false
}

// address is the host that a request comes from.
func address(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return strings.TrimPrefix(strings.Split(host, "%")[0], "::ffff:")
}

// cookie makes a cookie for a user.
func (s *Server) cookie(who feature.Identity, now time.Time, secure bool) *http.Cookie {
	until := now.Add(s.limits.Cookie)
	head := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	text := base64.RawURLEncoding.EncodeToString(append(append(head, s.seal(who, head)...), who.User...))
	return &http.Cookie{
		Name: cookieName, Value: text, Path: "/", MaxAge: int(s.limits.Cookie / time.Second),
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

// seal proves that a cookie is of this server.
func (s *Server) seal(who feature.Identity, head []byte) []byte {
	m := hmac.New(sha256.New, s.secret)
	for _, part := range []string{string(head), who.User, string(who.Role), s.cfg.Proof(who.User)} {
		m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		m.Write([]byte(part))
	}
	return m.Sum(nil)
}

// remembered finds the user of a cookie.
func (s *Server) remembered(r *http.Request) (feature.Identity, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return feature.Identity{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	const head, sealed = 8, 8 + sha256.Size
	if err != nil || len(text) <= sealed || len(text) > sealed+maxUser {
		return feature.Identity{}, false
	}
	who, ok := s.cfg.Auth.Lookup(string(text[sealed:]))
	if !ok || !hmac.Equal(s.seal(who, text[:head]), text[head:sealed]) || time.Now().Unix() >= int64(binary.BigEndian.Uint64(text)) {
		return feature.Identity{}, false
	}
	return who, true
}
