// Package aaa proves users against the running configuration, for every door
// that asks for a password or a key (feature.Authenticator).
//
// What an attacker may learn and cost is bounded:
//
//   - An unknown user takes the time of a known one: his password is compared
//     with the secret of some user, always the same for the same name.
//   - Failures lock out a user at one source, and a source for all users, for
//     times that grow with every further failure (lockout.go). The right
//     password is no help while the lock lasts.
//   - Hashes are derived a few at a time, and those who wait for it are bounded
//     too; past that the answer is ErrBusy.
//   - A password that was right is remembered for some minutes under a keyed
//     digest, so that a program which sends it with every request costs one
//     hash. A changed secret is not affected: the digest covers it.
//
// An Authenticator is safe for concurrent use.
package aaa

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	users "trunkline/feature/aaa"
	"trunkline/internal/secret"
)

// ErrDenied is the answer to who has not proved himself, for whatever reason but
// the next.
var ErrDenied = errors.New("authentication failed")

// ErrBusy is the answer when too many others are being proved: it says nothing
// of the user.
var ErrBusy = errors.New("too many logins at a time")

// Config says what an Authenticator works with.
type Config struct {
	// Running returns the running configuration.
	Running func() tree.Tree
	// Events takes failed logins and lock-outs; nil for none.
	Events feature.EventLog
	// Dial connects to servers by name; nil for the machine's resolver.
	Dial Dial
}

// Dial connects to a host by name or address, from the address of mgmt0 if it is
// told so.
type Dial func(ctx context.Context, network, host string, port uint16, fromManagement bool) (net.Conn, error)

func dialMachine(ctx context.Context, network, host string, port uint16, _ bool) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, net.JoinHostPort(host, strconv.Itoa(int(port))))
}

// How many hashes are derived at a time, and how many may wait for that: 1024
// logins are served within a few seconds.
const (
	atOnce  = 2
	waiting = 1024
)

// Authenticator proves users.
type Authenticator struct {
	cfg   Config
	seed  maphash.Seed // of the choice of secrets for unknown users
	key   []byte       // of the digests of passwords that were right
	dummy secret.Secret
	slots chan struct{}
	queue chan struct{}

	locks *lockout
	bans  bans
	// remote are the servers that configuration has users proved by.
	remote remote

	mu sync.Mutex
	// right are passwords that were right lately, by digest, and until when.
	right map[[sha256.Size]byte]time.Time
}

var _ feature.Authenticator = (*Authenticator)(nil)

// New returns an Authenticator.
func New(cfg Config) *Authenticator {
	if cfg.Dial == nil {
		cfg.Dial = dialMachine
	}
	a := &Authenticator{
		cfg: cfg, seed: maphash.MakeSeed(), key: make([]byte, 32), dummy: secret.New(rand.Text()),
		slots: make(chan struct{}, atOnce), queue: make(chan struct{}, atOnce+waiting),
		remote: remote{dial: cfg.Dial, places: make(chan struct{}, maxAsking), commands: make(chan struct{}, maxAsking)},
		locks:  newLockout(), right: map[[sha256.Size]byte]time.Time{},
	}
	rand.Read(a.key) // never fails
	return a
}

// Password implements feature.Authenticator. The error is ErrDenied, ErrBusy or
// that of ctx.
func (a *Authenticator) Password(ctx context.Context, user, password, from string) (feature.Identity, error) {
	source := sourceOf(from)
	if a.locks.locked(user, source) || a.bans.banned(user) {
		return feature.Identity{}, ErrDenied
	}
	t := a.cfg.Running()
	methods := users.Login(t)
	servers := users.ServersOf(t, methods.Groups)
	name, s, directed := users.Directed(t, user, servers)
	if directed {
		user, servers = name, []users.Server{s}
		if a.locks.locked(user, source) || a.bans.banned(user) {
			return feature.Identity{}, ErrDenied
		}
	}
	if methods.Groups != nil {
		who, err := a.remote.login(ctx, t, servers, user, password, source, doorOf(from))
		switch {
		case err == nil:
			a.locks.succeeded(user, source)
			a.remote.remember(who)
			return who, nil
		case errors.Is(err, ErrDenied):
			a.failed(user, from, source)
			return feature.Identity{}, err
		case errors.Is(err, errFull) && methods.Last == users.LocalLogin && !directed:
			a.event(fmt.Sprintf("Too many logins wait for servers: user %s is looked for in the configuration", printable(user)))
		case !errors.Is(err, errUnanswered):
			return feature.Identity{}, err
		case directed: // the others were not asked, so nothing stands for them
			a.event(fmt.Sprintf("Server %s does not answer: user %s who asks for it is refused", s.Host, printable(user)))
			return feature.Identity{}, ErrDenied
		}
		if errors.Is(err, errUnanswered) {
			a.event(fmt.Sprintf("No server answers: user %s is looked for in the configuration", printable(user)))
			a.remote.fell(user)
		}
	}
	if methods.Open() {
		return a.open(t, user, from, source)
	}
	stored, known := a.secretFor(t, user)
	digest := a.digest(user, stored, password)
	ok, err := a.verified(ctx, digest, stored, password, known)
	if err != nil {
		return feature.Identity{}, err
	}
	if a.locks.locked(user, source) || a.bans.banned(user) { // by those who came at the same time
		return feature.Identity{}, ErrDenied
	}
	if !ok || !known {
		a.failed(user, from, source)
		if a.bans.failed(t, user) {
			a.event(fmt.Sprintf("User %s is locked out for %d seconds after repeated failures", printable(user), users.Lockout(t).Ban))
		}
		return feature.Identity{}, ErrDenied
	}
	a.remember(digest)
	a.locks.succeeded(user, source)
	a.bans.succeeded(user)
	if a.expired(t, user, from) {
		return feature.Identity{}, ErrDenied
	}
	a.remote.remember(feature.Identity{User: user}) // he is no server's now
	return feature.Identity{User: user, Role: users.Role(t, user)}, nil
}

// open lets a user of the configuration in without a password, as the method none
// says.
func (a *Authenticator) open(t tree.Tree, user, from, source string) (feature.Identity, error) {
	if !users.Exists(t, user) || a.expired(t, user, from) {
		a.failed(user, from, source)
		return feature.Identity{}, ErrDenied
	}
	a.event(fmt.Sprintf("User %s from %s is let in without a password", printable(user), printable(from)))
	a.remote.remember(feature.Identity{User: user}) // he is no server's now
	return feature.Identity{User: user, Role: users.Role(t, user)}, nil
}

// secretFor returns the secret that a user's password is compared with, and
// whether it is his.
func (a *Authenticator) secretFor(t tree.Tree, user string) (secret.Secret, bool) {
	own := users.Secret(t, user)
	if own != (secret.Secret{}) {
		return own, true
	}
	var all []secret.Secret
	for _, u := range users.Users(t) {
		if s := users.Secret(t, u); s != (secret.Secret{}) {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return a.dummy, false
	}
	return all[maphash.String(a.seed, user)%uint64(len(all))], false
}

// verified reports whether a password is right, after those who came before. One
// that proves right while others with the same wait is not looked at again; what is
// compared for a user who is not known is not remembered, as time would tell.
func (a *Authenticator) verified(ctx context.Context, digest [sha256.Size]byte, s secret.Secret, password string, known bool) (bool, error) {
	if a.remembered(digest) {
		return true, nil
	}
	select {
	case a.queue <- struct{}{}:
		defer func() { <-a.queue }()
	default:
		return false, ErrBusy
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return false, fmt.Errorf("wait for other logins: %w", ctx.Err())
	}
	if a.remembered(digest) {
		return true, nil
	}
	ok := s.Verify(password)
	if ok && known {
		a.remember(digest)
	}
	return ok, nil
}

// PublicKey implements feature.Authenticator: key is what the client has proved
// to hold. Failures do not lock out, as clients offer one key after another and
// a key cannot be guessed.
func (a *Authenticator) PublicKey(_ context.Context, user string, key []byte, from string) (feature.Identity, error) {
	t := a.cfg.Running()
	stored := users.Key(t, user)
	if stored == nil || !hmac.Equal(stored.Marshal(), key) {
		return feature.Identity{}, ErrDenied
	}
	if a.expired(t, user, from) {
		return feature.Identity{}, ErrDenied
	}
	return feature.Identity{User: user, Role: users.Role(t, user)}, nil
}

// expired reports, and says in the log, that a user has proved who he is after his
// account's end.
func (a *Authenticator) expired(t tree.Tree, user, from string) bool {
	if !users.Expired(t, user, time.Now()) {
		return false
	}
	a.event(fmt.Sprintf("The account of user %s has expired: login from %s refused", printable(user), printable(from)))
	return true
}

// HasKey reports whether some user has that key, in SSH wire format: a server
// asks before it has a proof of it.
func (a *Authenticator) HasKey(user string, key []byte) bool {
	stored := users.Key(a.cfg.Running(), user)
	return stored != nil && bytes.Equal(stored.Marshal(), key)
}

// Lookup implements feature.Authenticator.
func (a *Authenticator) Lookup(user string) (feature.Identity, bool) {
	t := a.cfg.Running()
	if users.Login(t).Groups != nil {
		if who, ok := a.remote.lookup(user); ok {
			return who, true
		}
	}
	if !users.Exists(t, user) || users.Expired(t, user, time.Now()) {
		return feature.Identity{}, false
	}
	return feature.Identity{User: user, Role: users.Role(t, user)}, true
}

// warnBefore is how long before the end of an account its user is warned.
const warnBefore = 7 * 24 * time.Hour

// LabPassword is the password of LabUser in lab mode, known to everybody.
const (
	LabUser     = "admin"
	LabPassword = "admin"
)

// Warning returns what a user is told once after he has logged in, as a line
// without its end; "" for nothing (cli.md §2.1).
func (a *Authenticator) Warning(ctx context.Context, user string) string {
	if a.remote.told(user) && users.TellsErrors(a.cfg.Running()) {
		return "Remote AAA servers unreachable; local authentication done."
	}
	if end := users.Expiry(a.cfg.Running(), user); !end.IsZero() && time.Until(end) < warnBefore {
		return fmt.Sprintf("Warning: The account of user %s expires at the end of %s.", user, end.AddDate(0, 0, -1).Format(time.DateOnly))
	}
	s := users.Secret(a.cfg.Running(), user)
	if s == (secret.Secret{}) {
		return ""
	}
	for _, known := range slices.Compact([]string{LabPassword, user}) {
		if ok, _ := a.verified(ctx, a.digest(user, s, known), s, known, true); ok {
			return fmt.Sprintf("Warning: The password of user %s is a known default; change it with 'username %[1]s password'.", user)
		}
	}
	return ""
}

// failed counts a failure and says so.
func (a *Authenticator) failed(user, from, source string) {
	user = printable(user)
	a.event(fmt.Sprintf("Authentication failed for user %s from %s", user, printable(from)))
	for what, d := range a.locks.failed(user, source) {
		a.event(fmt.Sprintf("Authentication of %s from %s is locked for %d seconds after repeated failures", what, source, int(d/time.Second)))
	}
}

func (a *Authenticator) event(text string) {
	if a.cfg.Events != nil {
		a.cfg.Events.Log(feature.Event{Facility: "AUTHPRIV", Severity: feature.Err, Mnemonic: "SYSTEM_MSG", Text: text})
	}
}

// printable is a name from outside as it may stand in a log.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return '?'
		}
		return r
	}, s)
	if len(s) > maxPrinted {
		s = s[:maxPrinted] + "..."
	}
	return s
}

const maxPrinted = 64

// How long and how many passwords that were right are remembered.
const (
	rememberFor = 5 * time.Minute
	maxRight    = 256
)

func (a *Authenticator) digest(user string, s secret.Secret, password string) [sha256.Size]byte {
	m := hmac.New(sha256.New, a.key)
	for _, text := range []string{user, s.String(), password} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		m.Write(length[:])
		m.Write([]byte(text))
	}
	return [sha256.Size]byte(m.Sum(nil))
}

func (a *Authenticator) remembered(digest [sha256.Size]byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	until, ok := a.right[digest]
	return ok && time.Now().Before(until)
}

func (a *Authenticator) remember(digest [sha256.Size]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if len(a.right) >= maxRight {
		for d, until := range a.right {
			if now.After(until) || len(a.right) >= maxRight {
				delete(a.right, d)
			}
		}
	}
	if until, ok := a.right[digest]; !ok || now.After(until) {
		a.right[digest] = now.Add(rememberFor)
	}
}
