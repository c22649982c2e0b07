package module

import (
	"maps"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"

	"trunkline/linecard/api"
)

// refusal is when a reason was logged last.
type refusal struct {
	host string
	text string
	at   time.Time
}

// Cards come again every second; the same reason is logged once per quiet time.
const (
	quietTime   = time.Minute
	maxRefusals = 1024 // hosts to remember, so that made-up ones cost no memory
)

// refuse logs why a card was refused.
func (m *Manager) refuse(host, from, text string) {
	host = shown(host, 64)
	now := time.Now()
	key := host + " " + from
	m.mu.Lock()
	last, ok := m.refused[key]
	if ok && last.text == text && now.Sub(last.at) < quietTime {
		m.mu.Unlock()
		return
	}
	if !ok && len(m.refused) >= maxRefusals {
		clear(m.refused)
	}
	m.refused[key] = refusal{host, text, now}
	m.mu.Unlock()
	if from == "" {
		from = "the local socket"
	}
	mnemonic := evRefused
	if strings.Contains(text, "attached already") {
		mnemonic = evConflict
	}
	m.event(critical, mnemonic, 0, "Host %s at %s refused: %s", host, from, text)
}

// Refused returns why hosts were refused last, by UUID. A host that has attached
// since is not in it, nor is one whose UUID is none.
func (m *Manager) Refused() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := map[string]refusal{}
	for _, r := range m.refused {
		if api.ValidUUID(r.host) && !r.at.Before(last[r.host].at) {
			last[r.host] = r
		}
	}
	out := make(map[string]string, len(last))
	for host, r := range last {
		out[host] = r.text
	}
	return out
}

// forgive forgets why a host was refused; mu is held.
func (m *Manager) forgive(host string) {
	maps.DeleteFunc(m.refused, func(_ string, r refusal) bool { return r.host == host })
}

// credentials are TLS whose failures are logged: a card that trusts another
// chassis says so only by breaking off.
func (m *Manager) credentials() credentials.TransportCredentials {
	return logged{credentials.NewTLS(m.cfg.Authority.TLS()), m}
}

type logged struct {
	credentials.TransportCredentials
	m *Manager
}

func (l logged) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	out, info, err := l.TransportCredentials.ServerHandshake(c)
	if err == nil {
		if tls, ok := info.(credentials.TLSInfo); ok {
			g, _ := c.(*guest)
			info = caller{tls, g}
		}
		return out, info, nil
	}
	from := source(c.RemoteAddr())
	if strings.Contains(err.Error(), "bad certificate") { // the alert has no exported type
		l.m.refuse("unknown", from, "it does not accept this supervisor, chassis "+l.m.cfg.Authority.Chassis()+
			": it is enrolled with another chassis")
	} else {
		l.m.cfg.Log.Debug("handshake broken off", "from", from, "error", err)
	}
	return out, info, err
}

// caller is what a stream knows of the connection that it came by.
type caller struct {
	credentials.TLSInfo
	guest *guest // nil behind another listener than the manager's
}

func (l logged) Clone() credentials.TransportCredentials {
	return logged{l.TransportCredentials.Clone(), l.m}
}
