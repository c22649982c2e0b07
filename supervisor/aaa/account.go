package aaa

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"trunkline/feature"
	users "trunkline/feature/aaa"
	"trunkline/internal/radius"
	"trunkline/internal/tacacs"
)

// Accounting tells servers who logs in and out, and what users change (cli.md §9.2),
// besides the switch's own log. Records wait for Run, which sends one after the
// other: nobody waits for a server. Their number is bounded; what is over, and what
// no server takes, is dropped, and the log says so.
type Accounting struct {
	a     *Authenticator
	queue chan record
	place chan struct{} // one, Run's

	mu      sync.Mutex
	boot    string // begins the names of sessions
	tasks   uint64
	began   map[string]string // names of sessions by where they come from
	dropped int               // records since the log said so
}

// Bounds of accounting.
const (
	maxRecords  = 1024
	maxSessions = 256
	lastRecords = 2 * time.Second // for those that wait when the switch stops
)

// kinds of records.
type recordKind uint8

const (
	began recordKind = iota
	ended
	ran
)

// record is what a server is told.
type record struct {
	kind       recordKind
	user, from string
	role       feature.Role
	session    string // its name
	task       string // of a command, a name of its own
	at         time.Time
	took       time.Duration // of a session that has ended
	line       string        // of a command
}

// Accounting returns the accounting of an Authenticator.
func (a *Authenticator) Accounting() *Accounting {
	return &Accounting{a: a, queue: make(chan record, maxRecords), place: make(chan struct{}, 1), boot: rand.Text()[:8], began: map[string]string{}}
}

// Entered and Left note a login and its end.
func (c *Accounting) Entered(l feature.Login) {
	from := fromOf(l)
	c.mu.Lock()
	name := c.name()
	if len(c.began) < maxSessions {
		c.began[from] = name
	}
	c.mu.Unlock()
	c.add(record{kind: began, user: l.User, from: from, role: l.Role, session: name, at: l.Since})
}

// Left is the end of a login.
func (c *Accounting) Left(l feature.Login) {
	from := fromOf(l)
	c.mu.Lock()
	name := c.began[from]
	if name == "" { // of one more than are known
		name = c.name()
	}
	delete(c.began, from)
	c.mu.Unlock()
	now := time.Now()
	c.add(record{kind: ended, user: l.User, from: from, role: l.Role, session: name, at: now, took: now.Sub(l.Since)})
}

// fromOf is where a login comes from, as its commands say it.
func fromOf(l feature.Login) string {
	if l.Address == "" {
		return l.Line
	}
	return l.Address + "@" + l.Line
}

// Command notes a command that changes something, with those that lead to its mode
// and without secrets, and what became of it. Without a role it is that which the user
// has now.
func (c *Accounting) Command(user, from string, role feature.Role, line string, at time.Time, ok bool) {
	if role == "" {
		who, _ := c.a.Lookup(user)
		role = who.Role
	}
	c.mu.Lock()
	session := c.began[from]
	if session == "" {
		session = c.name()
	}
	task := c.name()
	c.mu.Unlock()
	result := " (SUCCESS)"
	if !ok {
		result = " (FAILURE)"
	}
	c.add(record{kind: ran, user: user, from: from, role: role, session: session, task: task, at: at, line: shortened(line) + result})
}

// What a record holds of a command, in bytes, so that it fits into a RADIUS packet with
// all else: each line of it costs perLine more there.
const (
	maxCommand = 3000
	perLine    = 24
)

// shortened is a command as far as a record holds it, with a mark where it is cut.
func shortened(line string) string {
	left := maxCommand
	for i, c := range line {
		if left -= utf8.RuneLen(c); c == '\n' {
			left -= perLine
		}
		if left < 0 {
			return line[:i] + "..."
		}
	}
	return line
}

// name is a new one, of a session or of a command; c.mu is held.
func (c *Accounting) name() string {
	c.tasks++
	return c.boot + "-" + strconv.FormatUint(c.tasks, 10)
}

// add has a record sent, if configuration says to anybody.
func (c *Accounting) add(r record) {
	if users.Accounting(c.a.cfg.Running()).Groups == nil {
		return
	}
	select {
	case c.queue <- r:
	default:
		c.drop()
	}
}

// drop counts a record that nobody has taken; the first is told.
func (c *Accounting) drop() {
	c.mu.Lock()
	c.dropped++
	first := c.dropped == 1
	c.mu.Unlock()
	if first {
		c.a.event("No server takes accounting records: they are in the log of the switch only")
	}
}

// taken notes that a server has taken one, and says how many none has.
func (c *Accounting) taken() {
	c.mu.Lock()
	n := c.dropped
	c.dropped = 0
	c.mu.Unlock()
	if n > 0 {
		c.a.event(fmt.Sprintf("Accounting records are taken again; %d were not", n))
	}
}

// Run sends records until ctx ends, and what waits then for a moment more.
func (c *Accounting) Run(ctx context.Context) {
	for {
		select {
		case r := <-c.queue:
			c.send(ctx, r)
			continue
		case <-ctx.Done():
		}
		break
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRecords)
	defer cancel()
	for {
		select {
		case r := <-c.queue:
			if last.Err() == nil {
				c.send(last, r)
			}
		default:
			return
		}
	}
}

// send tells the first server that answers.
func (c *Accounting) send(ctx context.Context, r record) {
	t := c.a.cfg.Running()
	err := c.a.remote.each(ctx, c.place, toAccount, users.ServersOf(t, users.Accounting(t).Groups), func(ctx context.Context, s users.Server) error {
		return c.a.remote.counted(s, toAccount, func() error {
			if s.Protocol == users.Tacacs {
				return c.a.remote.tacacsAccount(ctx, s, r)
			}
			return c.a.remote.radiusAccount(ctx, s, r)
		})
	})
	if err != nil {
		c.drop()
		return
	}
	c.taken()
}

// tacacsAccount sends a record by TACACS+ (RFC 8907 §7.1, §8.3). A command is a
// record of its end, and a task of its own: a server takes the end of a task for that
// of all that has its name.
func (r *remote) tacacsAccount(ctx context.Context, s users.Server, one record) error {
	task := one.session
	if one.kind == ran {
		task = one.task
	}
	args := []string{"task_id=" + task}
	seconds := func(name string, n int64) { args = append(args, name+"="+strconv.FormatInt(n, 10)) }
	kind := tacacs.Stop
	switch one.kind {
	case began:
		kind = tacacs.Start
		seconds("start_time", one.at.Unix())
		args = append(args, "service=shell")
	case ended:
		seconds("start_time", one.at.Add(-one.took).Unix())
		seconds("stop_time", one.at.Unix())
		seconds("elapsed_time", int64(one.took/time.Second))
		args = append(args, "service=shell")
	case ran:
		seconds("start_time", one.at.Unix())
		args = append(args, tacacs.Done(one.line)...)
	}
	return r.tacacsServer(s).Account(ctx, kind, about(one.user, one.from, one.role), args)
}

// radiusAccount sends a record by RADIUS (RFC 2866). A command is an update of its
// session, with the line in Cisco's attribute, as NX-OS has it.
func (r *remote) radiusAccount(ctx context.Context, s users.Server, one record) error {
	who := about(one.user, one.from, one.role)
	record := radius.Record{User: who.User, Session: one.session, NAS: nas, Port: who.Port, From: who.Remote, At: one.at}
	switch one.kind {
	case began:
		record.Status = radius.Start
	case ended:
		record.Status, record.Took = radius.Stop, one.took
	case ran:
		record.Status = radius.Update
		for line := range strings.SplitSeq(one.line, "\n") {
			record.Pairs = append(record.Pairs, "accountinginfo="+line)
		}
	}
	request, err := record.Request(s.Key)
	if err != nil {
		return err
	}
	_, err = r.radiusServer(s, s.AcctPort).Exchange(ctx, request)
	return err
}
