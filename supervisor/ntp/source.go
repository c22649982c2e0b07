package ntp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	wire "github.com/beevik/ntp"

	"trunkline/feature"
	"trunkline/feature/ntp"
)

// source is a server or peer. But for config, auth, local and doubt, which do not
// change, it is guarded by the mutex of the Service.
type source struct {
	config ntp.Source
	auth   wire.AuthOptions
	local  netip.Addr // invalid: any
	mgmt   bool       // local is that of mgmt0
	doubt  string     // why it can never be followed, "" if it can

	state   feature.TimeSource
	samples [8]sample // the newest first
	count   int       // of samples
	taken   uint64    // since the start
	used    uint64    // number of the last one that the clock was set by
}

// sample is one answer.
type sample struct {
	offset, delay, distance time.Duration
	stratum                 int
	number                  uint64 // of the source's samples, from 1
}

func newSource(c ntp.Source, s *ntp.Settings) *source {
	src := &source{
		config: c, local: s.Source, mgmt: s.SourceMgmt,
		state: feature.TimeSource{Host: c.Host, Peer: c.Peer, VRF: c.VRF, Stratum: 16},
	}
	if s.Authenticate {
		text, known := s.Keys[c.Key]
		switch {
		case c.Key == 0:
			src.doubt = "has no key, and sources have to prove themselves"
		case !known:
			src.doubt = fmt.Sprintf("key %d is not configured", c.Key)
		case !s.Trusted[c.Key]:
			src.doubt = fmt.Sprintf("key %d is not trusted", c.Key)
		default:
			src.auth = wire.AuthOptions{Type: wire.AuthMD5, Key: "ASCII:" + text, KeyID: c.Key}
		}
	}
	src.state.Error = src.doubt
	return src
}

// answer is what comes of a question.
type answer struct {
	sample
	address, local string
	err            error
	refused        bool // it wants to be left alone
}

const (
	maxWait = 5 * time.Second // for an answer
	// maxDistance is the root distance above which a source is of no use (RFC 5905,
	// MAXDIST).
	maxDistance = 1500 * time.Millisecond
)

// ask puts one question.
func (s *Service) ask(ctx context.Context, src *source) (a answer) {
	local := src.local
	if src.mgmt {
		local = s.cfg.Management()
		if !local.IsValid() {
			a.err = errors.New("mgmt0 has no address")
			return a
		}
	}
	var open sync.Mutex
	var conn net.Conn
	defer context.AfterFunc(ctx, func() { // ends the wait
		open.Lock()
		defer open.Unlock()
		if conn != nil {
			_ = conn.SetDeadline(time.Unix(1, 0))
		}
	})()
	response, err := wire.QueryWithOptions(net.JoinHostPort(src.config.Host, "123"), wire.QueryOptions{
		Timeout: maxWait, Auth: src.auth,
		Dialer: func(string, string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, maxWait)
			defer cancel()
			c, err := s.cfg.Dial(ctx, src.config.Host, s.cfg.Port, local)
			if err != nil {
				return nil, err
			}
			open.Lock()
			defer open.Unlock()
			conn = c
			a.address, a.local = host(c.RemoteAddr()), host(c.LocalAddr())
			return c, nil
		},
	})
	if err != nil {
		a.err = err
		return a
	}
	a.stratum, a.offset, a.delay, a.distance = int(response.Stratum), response.ClockOffset, response.RTT, response.RootDistance
	a.err = response.Validate()
	a.refused = response.IsKissOfDeath()
	if a.refused {
		a.err = fmt.Errorf("refused: %s", response.KissCode)
	}
	return a
}

func host(a net.Addr) string {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return ""
	}
	return p.Addr().String()
}

// note takes an answer.
func (src *source) note(a answer) {
	src.state.Reach <<= 1
	if a.address != "" {
		src.state.Address, src.state.Local = a.address, a.local
	}
	if src.state.Error = src.doubt; a.err != nil {
		src.state.Error = a.err.Error()
		return
	}
	src.state.Reach |= 1
	copy(src.samples[1:], src.samples[:])
	src.taken++
	src.samples[0] = a.sample
	src.samples[0].number = src.taken
	src.count = min(src.count+1, len(src.samples))
	best := src.best()
	src.state.Stratum, src.state.Delay, src.state.Offset = a.stratum, best.delay, best.offset
}

// best is the sample with the least delay: it knows the offset best (RFC 5905
// §10).
func (src *source) best() sample {
	best := src.samples[0]
	for _, s := range src.samples[1:max(src.count, 1)] {
		if s.delay < best.delay {
			best = s
		}
	}
	return best
}

// forget drops the samples.
func (src *source) forget() { src.count = 0 }

// candidate is the source as one that could be followed, and false if it cannot.
func (src *source) candidate() (candidate, bool) {
	best := src.best()
	ok := src.doubt == "" && src.state.Reach != 0 && src.count >= enough && best.distance < maxDistance
	return candidate{offset: best.offset, bound: best.distance, stratum: best.stratum, prefer: src.config.Prefer}, ok
}
