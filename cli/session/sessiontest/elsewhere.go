package sessiontest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"sync"

	"trunkline/cli/location"
)

// Elsewhere is another machine, "there", whose users have the password "Cirrus-5"
// (he who is called new is asked whether he is sure) and whose files are in memory.
type Elsewhere struct {
	mu    sync.Mutex
	files map[string]string // by path
}

// Password is that of all users there.
const Password = "Cirrus-5"

// maxElsewhere is how many bytes a file there has, and how many files there are.
const maxElsewhere = 1 << 20

// NewElsewhere returns the machine with files by path.
func NewElsewhere(files map[string]string) *Elsewhere {
	return &Elsewhere{files: maps.Clone(files)}
}

func (e *Elsewhere) enter(ctx context.Context, u location.URL, vrf string, who location.Operator) error {
	switch {
	case u.Host != "there":
		return location.Error(u.Host + ": no such host")
	case vrf == "management":
		return location.Error("There is no mgmt0.")
	case !u.SSH():
		return nil
	case who.Ask == nil:
		return location.Error("The password cannot be asked for here: use a terminal.")
	}
	if u.User == "new" {
		if sure, err := who.Ask(ctx, "Are you sure "+location.Sure, false); err != nil || sure != "yes" {
			return location.Error("Host key verification failed.")
		}
	}
	user := u.User
	if user == "" {
		user = who.User
	}
	answer, err := who.Ask(ctx, user+"@"+u.Host+"'s password: ", true)
	if err == nil && answer != Password {
		err = location.Error(u.Host + ": Permission denied for " + user + ".")
	}
	return err
}

// Get implements location.Transfer.
func (e *Elsewhere) Get(ctx context.Context, from location.URL, vrf string, who location.Operator, w io.Writer) error {
	if err := e.enter(ctx, from, vrf, who); err != nil {
		return err
	}
	e.mu.Lock()
	text, ok := e.files[from.Path]
	e.mu.Unlock()
	if !ok {
		return location.Error(from.Host + ": no such file")
	}
	for i := range len(text) {
		if _, err := w.Write([]byte{text[i]}); err != nil {
			return err
		}
		who.Moved(int64(i+1), int64(len(text)))
	}
	return nil
}

// Put implements location.Transfer.
func (e *Elsewhere) Put(ctx context.Context, to location.URL, vrf string, who location.Operator, r io.Reader, size int64) error {
	if err := e.enter(ctx, to, vrf, who); err != nil {
		return err
	}
	var b bytes.Buffer
	if n, err := io.Copy(&b, io.LimitReader(r, maxElsewhere)); err != nil || n != size {
		return location.Error(to.Host + ": incomplete")
	}
	who.Moved(size, size)
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.files) < maxElsewhere {
		e.files[to.Path] = b.String()
	}
	return nil
}

// Forget implements location.Transfer.
func (e *Elsewhere) Forget() error { return nil }
