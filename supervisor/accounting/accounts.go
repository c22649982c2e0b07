package accounting

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"trunkline/cli/session"
	"trunkline/config"
)

// Bounds of the accounting log.
const (
	maxAccounts    = 2000
	maxRefused     = maxAccounts / 4             // of them, commands that were refused
	maxRefusedEach = maxRefused / 4              // of them, of one user
	maxAccountLine = 16 << 10                    // bytes of one in the file; longer commands are cut
	maxAccountFile = maxAccounts * (1 << 10) * 4 // bytes of the file that are read at a start
)

// Accounts is the accounting log of a switch: who changed what, or tried to. It
// is kept in a file of JSON lines, written as commands end and made anew when it
// has grown to twice what is kept. What the last commits were is known from the
// commits themselves, so a kill loses refused commands only.
type Accounts struct {
	path string
	log  *slog.Logger

	mu      sync.Mutex
	all     []session.Account // oldest first
	file    *os.File          // nil: it could not be opened, or cannot be written
	written int               // lines in the file
}

var _ session.Accounting = (*Accounts)(nil)

// OpenAccounts returns the log with what its file in a directory holds, and the
// commits that are newer. Commits are newest first.
func OpenAccounts(dir string, commits []config.Commit, log *slog.Logger) (*Accounts, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the accounting log: %w", err)
	}
	a := &Accounts{path: filepath.Join(dir, "accounting"), log: log}
	data, err := readEnd(a.path, maxAccountFile)
	if err != nil {
		return nil, fmt.Errorf("read the accounting log: %w", err)
	}
	a.all = parseAccounts(data)
	for _, c := range slices.Backward(commits) {
		if n := len(a.all); c.Method != config.MethodSystem && (n == 0 || c.At.After(a.all[n-1].At)) {
			a.all = append(a.all, Committed(c))
		}
	}
	a.trim()
	if err := a.rewrite(); err != nil {
		return nil, fmt.Errorf("write the accounting log: %w", err)
	}
	return a, nil
}

// Committed is the account of a commit.
func Committed(c config.Commit) session.Account {
	command := c.Line
	if c.Method == config.MethodCLI || c.Method == "" {
		command = "configure terminal ; " + command
	}
	return session.Account{At: c.At, From: c.From, User: c.User, Command: command, OK: true}
}

// readEnd reads the last limit bytes of a file, nothing of one that is not there.
func readEnd(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-limit), limit))
}

// parseAccounts reads lines; what is no account, as the first and the last line
// may be, is left out.
func parseAccounts(data []byte) []session.Account {
	var all []session.Account
	for line := range bytes.Lines(data) {
		var a session.Account
		if len(line) <= maxAccountLine && json.Unmarshal(line, &a) == nil && !a.At.IsZero() {
			all = append(all, a)
		}
	}
	return all
}

// Add implements session.Accounting.
func (a *Accounts) Add(entry session.Account) {
	if len(entry.Command) > maxAccountLine/4 { // a byte takes up to six in JSON, but rarely
		entry.Command = entry.Command[:maxAccountLine/4] + "…"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.repeats(entry) {
		return
	}
	a.all = append(a.all, entry)
	a.trim()
	if a.file == nil {
		return
	}
	line, err := json.Marshal(entry)
	if err == nil {
		_, err = a.file.Write(append(line, '\n'))
	}
	if a.written++; err == nil && a.written >= 2*maxAccounts {
		err = a.rewrite()
	}
	if err != nil {
		a.log.Warn("the accounting log is in memory only from now on", "error", err)
		_ = a.file.Close()
		a.file = nil
	}
}

// All implements session.Accounting.
func (a *Accounts) All() []session.Account {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.all)
}

// Close closes the file.
func (a *Accounts) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	err := a.file.Close()
	a.file = nil
	return err
}

// repeats counts a refused command with the same one before, and reports whether
// there is one. The file learns of it when it is made anew.
func (a *Accounts) repeats(entry session.Account) bool {
	if entry.OK {
		return false
	}
	for i := len(a.all) - 1; i >= max(0, len(a.all)-lately); i-- {
		last := &a.all[i]
		if last.User != entry.User {
			continue
		}
		if last.OK || last.Command != entry.Command || last.From != entry.From {
			return false
		}
		last.At, last.Times = entry.At, max(1, last.Times)+1
		return true
	}
	return false
}

// lately is how many entries are looked through for the last one of a user.
const lately = 64

// trim makes room. Commands that were refused make it for others of their user,
// then for others that were refused: whatever is refused to whomever, three of
// four entries are there for changes.
func (a *Accounts) trim() {
	refused, each := 0, map[string]int{}
	for _, e := range a.all {
		if !e.OK {
			refused++
			each[e.User]++
		}
	}
	drop := func(e session.Account) bool {
		if e.OK || each[e.User] <= maxRefusedEach && refused <= maxRefused {
			return false
		}
		refused--
		each[e.User]--
		return true
	}
	a.all = slices.DeleteFunc(a.all, drop)
	if over := len(a.all) - maxAccounts; over > 0 {
		a.all = slices.Delete(a.all, 0, over)
	}
}

// rewrite makes the file anew of what is kept.
func (a *Accounts) rewrite() error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, entry := range a.all {
		if err := e.Encode(entry); err != nil {
			return err
		}
	}
	next := a.path + ".new"
	if err := os.WriteFile(next, b.Bytes(), 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if err := os.Rename(next, a.path); err != nil {
		return errors.Join(err, f.Close())
	}
	if a.file != nil {
		_ = a.file.Close() // of the old one
	}
	a.file, a.written = f, len(a.all)
	return nil
}
