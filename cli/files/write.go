package files

import (
	"cmp"
	"errors"
	"io"
	"sync"

	"trunkline/internal/flash"
)

// How says how a file is opened for writing.
type How struct {
	// New refuses to replace a file; Keep begins with what is in it.
	New, Keep bool
	// Size is that of the whole file where it is known, in bytes, else 0: one
	// that does not fit is refused at once.
	Size int64
}

// Upload is a file being written. It has its name when Commit has returned nil;
// until then a file of that name is as it was. Its methods may be called from
// several goroutines.
type Upload struct {
	view    *View
	command string

	mu   sync.Mutex // of the end; and of Write
	w    *flash.Writer
	err  error // the first of writing
	done bool
}

// Create opens a file for writing. That it was refused is in the accounting log.
func (v *View) Create(path string, how How) (*Upload, error) {
	name, err := Name(path)
	if err != nil {
		return nil, err
	}
	u := &Upload{view: v, command: "copy " + v.By + ": " + name}
	err = v.May(u.command, true)
	if err == nil {
		u.w, err = v.writer(name, how)
	}
	if err != nil {
		v.Account(u.command, err)
		return nil, err
	}
	return u, nil
}

func (v *View) writer(name string, how How) (*flash.Writer, error) {
	if virtual(name) {
		return nil, denied(name)
	}
	_, err := v.Store.Stat(name)
	there := err == nil
	if how.New && there {
		return nil, flash.Error("File exists: " + name)
	}
	if u, err := v.Store.Usage(name); err == nil && how.Size > u.Free {
		return nil, flash.Error("No space left on device: " + name)
	}
	w, err := v.Store.Writer(name, false)
	if err != nil || !how.Keep || !there {
		return w, err
	}
	f, _, err := v.Store.Open(name)
	if err == nil {
		_, err = io.Copy(w, f)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		w.Abort()
		return nil, err
	}
	return w, nil
}

// Write implements io.Writer: from the begin of the file on.
func (u *Upload) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done || u.err != nil {
		return 0, cmp.Or(u.err, errEnded)
	}
	n, err := u.w.Write(p)
	u.err = err
	return n, err
}

// errEnded is a write after the end.
var errEnded = errors.New("the file has been closed")

// WriteAt implements io.WriterAt: parts may come in any order.
func (u *Upload) WriteAt(p []byte, offset int64) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done || u.err != nil {
		return 0, cmp.Or(u.err, errEnded)
	}
	n, err := u.w.WriteAt(p, offset)
	u.err = err
	return n, err
}

// Commit gives the file its name. One that could not be written whole is given
// up, and that is the error.
func (u *Upload) Commit() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done {
		return nil
	}
	u.done = true
	if u.err == nil {
		u.err = u.w.Commit()
	} else {
		u.w.Abort()
	}
	u.view.Account(u.command, u.err)
	return u.err
}

// Abort gives up a file that is not committed.
func (u *Upload) Abort() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done {
		return
	}
	u.done = true
	u.w.Abort()
	u.view.Account(u.command, errEnded)
}

// Truncate gives the file a size, in bytes.
func (u *Upload) Truncate(size int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done || u.err != nil {
		return cmp.Or(u.err, errEnded)
	}
	u.err = u.w.Truncate(size)
	return u.err
}
