package flash

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// Reader opens a file.
func (s *Store) Reader(name string) (io.ReadCloser, error) {
	v, path, err := s.at(name)
	if err != nil {
		return nil, err
	}
	f, err := v.regular(path, os.O_RDONLY)
	if err != nil {
		return nil, explain(name, err)
	}
	return f, nil
}

// regular opens what must be a regular file, without waiting for the other end
// of a pipe.
func (v *volume) regular(path string, flags int) (*os.File, error) {
	f, err := v.root.OpenFile(path, flags|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = syscall.EISDIR
	case !info.Mode().IsRegular():
		err = fs.ErrPermission
	}
	if err != nil {
		_ = f.Close() // it is of no use
		return nil, err
	}
	return f, nil
}

// Read returns a whole file of at most limit bytes.
func (s *Store) Read(name string, limit int64) ([]byte, error) {
	f, err := s.Reader(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, explain(name, err)
	case int64(len(data)) > limit:
		return nil, Error(fmt.Sprintf("File exceeds %d bytes: %s", limit, name))
	}
	return data, nil
}

// Write makes a file of data, in one step.
func (s *Store) Write(name string, data []byte) error {
	w, err := s.Writer(name, false)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Commit()
}

// Writer writes a file. What has been written counts once Commit has returned;
// Abort, which does nothing after Commit, gives it up, but for what has been
// appended to a file that was there. But for WriteAt, a Writer belongs to one
// goroutine.
type Writer struct {
	v      *volume
	f      *os.File
	name   string // as given, for messages
	temp   string // path of the file under construction, "" when appending
	path   string
	size   int64 // of what has been written, in bytes; v.mu guards it from WriteAt
	closed bool
}

// Writer opens a file for writing: to replace what is there, or to append to it.
func (s *Store) Writer(name string, app bool) (*Writer, error) {
	v, at, err := s.at(name)
	if err != nil {
		return nil, err
	}
	w := &Writer{v: v, name: name, path: at}
	temp, err := v.temporary()
	if err != nil {
		return nil, err
	}
	if info, err := v.root.Stat(at); err == nil && !info.Mode().IsRegular() {
		return nil, explain(name, syscall.EISDIR)
	}
	if app {
		w.f, err = v.regular(at, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
	} else {
		w.temp = path.Join(path.Dir(at), temp)
		w.f, err = v.regular(w.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	}
	if err != nil {
		return nil, explain(name, err)
	}
	return w, nil
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.reserve(w.size + int64(len(p))); err != nil {
		return 0, err
	}
	n, err := w.f.Write(p)
	if err != nil {
		return n, explain(w.name, err)
	}
	return n, nil
}

// Commit puts the file in its place, on the disk.
func (w *Writer) Commit() error {
	if w.closed {
		return nil
	}
	w.closed = true
	err := errors.Join(w.f.Sync(), w.f.Close())
	if err == nil && w.temp != "" {
		err = w.v.root.Rename(w.temp, w.path)
	}
	if err == nil {
		err = w.v.sync(path.Dir(w.path))
	}
	if err != nil {
		w.drop()
		return explain(w.name, err)
	}
	return nil
}

// Abort gives up what has not been committed.
func (w *Writer) Abort() {
	if w.closed {
		return
	}
	w.closed = true
	_ = w.f.Close() // what it holds is dropped
	w.drop()
}

func (w *Writer) drop() {
	if w.temp != "" {
		_ = w.v.root.Remove(w.temp) // else the next start removes it
	}
}

// sync writes a directory to the disk.
func (v *volume) sync(dir string) error {
	d, err := v.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Remove removes a file.
func (s *Store) Remove(name string) error { return s.remove(name, false) }

// RemoveDir removes an empty directory.
func (s *Store) RemoveDir(name string) error { return s.remove(name, true) }

func (s *Store) remove(name string, dir bool) error {
	v, at, err := s.at(name)
	if err != nil {
		return err
	}
	info, err := v.root.Lstat(at)
	switch {
	case err != nil:
	case at == ".":
		err = fs.ErrPermission
	case dir && !info.IsDir():
		err = syscall.ENOTDIR
	case !dir && info.IsDir():
		err = syscall.EISDIR
	default:
		err = v.root.Remove(at)
	}
	if err == nil {
		err = v.sync(path.Dir(at))
	}
	if err != nil {
		return explain(name, err)
	}
	return nil
}

// MakeDir makes a directory.
func (s *Store) MakeDir(name string) error {
	v, at, err := s.at(name)
	if err != nil {
		return err
	}
	if _, entries := v.measure(); entries >= maxEntries {
		return errFull
	}
	if err = v.root.Mkdir(at, 0o700); err == nil {
		err = v.sync(path.Dir(at))
	}
	if err != nil {
		return explain(name, err)
	}
	return nil
}

// Target returns the full name that from gets when it is copied or moved to a
// name: a directory takes it under its own name.
func (s *Store) Target(from, to string) string {
	if !s.IsDir(to) {
		return to
	}
	if !strings.HasSuffix(to, ":") && !strings.HasSuffix(to, "/") {
		to += "/"
	}
	_, p, _ := strings.Cut(from, ":")
	return to + path.Base(p)
}

// Copy copies a file; what has the new name is replaced, in one step.
func (s *Store) Copy(from, to string) error {
	to = s.Target(from, to)
	r, err := s.Reader(from)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // opened for reading
	w, err := s.Writer(to, false)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := io.Copy(w, r); err != nil {
		return explain(to, err)
	}
	return w.Commit()
}

// Move renames a file or, in its file system, a directory. A file that has the
// new name is replaced.
func (s *Store) Move(from, to string) error {
	to = s.Target(from, to)
	old, was, err := s.at(from)
	if err != nil {
		return err
	}
	v, at, err := s.at(to)
	switch {
	case err != nil:
		return err
	case was == "." || at == ".":
		return explain(from, fs.ErrPermission)
	case v != old:
		if s.IsDir(from) {
			return explain(from, syscall.EISDIR)
		}
		if err := s.Copy(from, to); err != nil {
			return err
		}
		return s.Remove(from)
	}
	if err := v.root.Rename(was, at); err != nil {
		return explain(from, err)
	}
	if err := errors.Join(v.sync(path.Dir(at)), v.sync(path.Dir(was))); err != nil {
		return explain(to, err)
	}
	return nil
}
