package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
)

// Account is one entry of the accounting log: a command that changes something,
// and what became of it.
type Account struct {
	At time.Time
	// From is where the user came from: "192.0.2.99@pts/1", "console0".
	From, User string
	Role       feature.Role `json:"-"` // his, "" if not known; of no log
	// Command is the line with those that lead to its mode, secrets left out.
	Command string
	OK      bool
	// Times is how often it was refused without another entry of the user between,
	// if more than once. At is the last time.
	Times int `json:",omitempty"`
}

// String is the line of show accounting log (cli.md §14), in the zone of its time.
func (a Account) String() string {
	result := "SUCCESS"
	if !a.OK {
		result = "FAILURE"
	}
	if a.Times > 1 {
		result += fmt.Sprintf(", %d times", a.Times)
	}
	return fmt.Sprintf("%s:type=update:id=%s:user=%s:cmd=%s (%s)", a.At.Format(timeLayout), a.From, a.User, a.Command, result)
}

// Accounting keeps accounts. It never blocks for long and may be called from any
// goroutine.
type Accounting interface {
	Add(Account)
	// All returns what is kept, oldest first.
	All() []Account
}

// maxAccounts is how many accounts are kept without an Accounting of the
// product.
const maxAccounts = 2000

// recent is the Accounting of a product that has none.
type recent struct {
	mu  sync.Mutex
	all []Account
}

// Add implements Accounting.
func (l *recent) Add(a Account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) >= maxAccounts {
		l.all = slices.Delete(l.all, 0, len(l.all)-maxAccounts+1)
	}
	l.all = append(l.all, a)
}

// All implements Accounting.
func (l *recent) All() []Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// account notes what became of a command; depth is that of its mode among
// modes, -1 for exec. Those of held lines wait for the commit.
func (r *request) account(modes []level, depth int, err error) {
	command := r.line
	if depth >= 0 {
		words := []string{"configure terminal"}
		for _, l := range modes[1 : depth+1] {
			words = append(words, l.text)
		}
		command = strings.Join(append(words, r.line), " ; ")
	}
	a := Account{At: r.cli.product.Now(), From: r.opts.Who.From, User: r.opts.Who.User, Role: r.opts.Who.Role, Command: command, OK: err == nil}
	if r.batch != nil {
		r.batch.accounts = append(r.batch.accounts, a)
		return
	}
	r.cli.accounts.Add(a)
}

// monthType is a month as the log prints it.
var monthType = func() schema.Type[string] {
	var all []schema.Keyword
	for m := time.January; m <= time.December; m++ {
		all = append(all, schema.Keyword{Text: m.String()[:3], Help: m.String()})
	}
	return schema.Enum("month", all...)
}()

// timeType is a time of the day.
var timeType = schema.Type[string]{
	Name:   "time-of-day",
	Syntax: schema.Syntax{Notation: "HH:MM:SS", Help: "Time of the day", Samples: []string{"09:15:02", "23:59:59"}},
	Parse: func(s string) (string, error) {
		if _, err := time.Parse(time.TimeOnly, s); err != nil {
			return "", schema.ErrInvalid
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

// showAccounting prints the accounts, or those at the end: a number of them, or
// from a time on.
func showAccounting(_ context.Context, r *request) error {
	all := r.cli.accounts.All()
	v := r.match.Values
	if n, ok := v["count"].(uint32); ok {
		all = all[max(0, len(all)-int(n)):]
	}
	if year, ok := v["year"].(uint32); ok {
		text := fmt.Sprintf("%d %s %02d %s", year, v["month"], v["day"], v["time"])
		from, err := time.ParseInLocation("2006 Jan 02 15:04:05", text, r.cli.product.Now().Location())
		if err != nil {
			return feature.Error("ERROR: There is no such day: " + text)
		}
		all = slices.DeleteFunc(slices.Clone(all), func(a Account) bool { return a.At.Before(from) })
	}
	for _, a := range all {
		a.At = r.cli.local(a.At)
		if _, err := fmt.Fprintln(r.out, a); err != nil {
			return err
		}
	}
	return nil
}
