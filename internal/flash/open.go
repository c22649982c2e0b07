package flash

import (
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"syscall"
)

// File is a file that is open for reading.
type File interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// Open opens a file and says what it is.
func (s *Store) Open(name string) (File, Entry, error) {
	v, at, err := s.at(name)
	if err != nil {
		return nil, Entry{}, err
	}
	f, err := v.regular(at, os.O_RDONLY)
	if err != nil {
		return nil, Entry{}, explain(name, err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // it is of no use
		return nil, Entry{}, explain(name, err)
	}
	return f, entry(info), nil
}

// Stat says what a name is: a file, or a directory.
func (s *Store) Stat(name string) (Entry, error) {
	v, at, err := s.at(name)
	if err != nil {
		return Entry{}, err
	}
	info, err := v.root.Stat(at)
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		err = fs.ErrPermission
	}
	if err != nil {
		return Entry{}, explain(name, err)
	}
	return entry(info), nil
}

// WriteAt implements io.WriterAt for a file that is to replace another, not for
// one that is appended to: parts of it may come in any order, and from several
// goroutines. What is left out between them reads as zeros, and counts.
func (w *Writer) WriteAt(p []byte, offset int64) (int, error) {
	if w.temp == "" || offset < 0 || offset > math.MaxInt64-int64(len(p)) {
		return 0, explain(w.name, fs.ErrPermission)
	}
	if err := w.reserve(offset + int64(len(p))); err != nil {
		return 0, err
	}
	n, err := w.f.WriteAt(p, offset)
	if err != nil {
		return n, explain(w.name, err)
	}
	return n, nil
}

// reserve takes the space that the file needs to be of a size.
func (w *Writer) reserve(size int64) error {
	w.v.mu.Lock()
	defer w.v.mu.Unlock()
	more := size - w.size
	switch {
	case more <= 0:
		return nil
	case more > w.v.quota-w.v.used:
		return explain(w.name, syscall.ENOSPC)
	}
	w.v.used += more
	w.size = size
	return nil
}

// Spool holds what has to be known whole before it goes on, as its size does
// where a protocol wants that first. It is a file of volatile: that has no name
// for anybody, and is gone with Close. A Spool belongs to one goroutine.
type Spool struct{ w *Writer }

// Spool makes an empty one.
func (s *Store) Spool() (*Spool, error) {
	v := s.volumes[Volatile]
	w := &Writer{v: v, name: Volatile}
	var err error
	if w.temp, err = v.temporary(); err != nil {
		return nil, err
	}
	if w.f, err = v.regular(w.temp, os.O_RDWR|os.O_CREATE|os.O_EXCL); err != nil {
		return nil, explain(Volatile, err)
	}
	return &Spool{w}, nil
}

// Write implements io.Writer.
func (s *Spool) Write(p []byte) (int, error) { return s.w.Write(p) }

// Read returns what has been written, from its begin, and its size in bytes.
func (s *Spool) Read() (io.Reader, int64) {
	return io.NewSectionReader(s.w.f, 0, s.w.size), s.w.size
}

// Close removes it.
func (s *Spool) Close() { s.w.Abort() }

// temporary returns the name of a new file under construction.
func (v *volume) temporary() (string, error) {
	used, entries := v.measure()
	if entries >= maxEntries {
		return "", errFull
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.used = used
	v.temp++
	return tempPrefix + strconv.Itoa(v.temp), nil
}

// Rename is Move to a name that nothing has yet.
func (s *Store) Rename(from, to string) error {
	v, at, err := s.at(to)
	if err != nil {
		return err
	}
	if _, err := v.root.Lstat(at); err == nil {
		return explain(to, fs.ErrExist)
	}
	return s.Move(from, to)
}

// Base is the last part of a path, "" of a file system itself.
func (n Name) Base() string {
	if n.Path == "" {
		return ""
	}
	return path.Base(n.Path)
}

// Truncate gives a file that is to replace another a size, in bytes.
func (w *Writer) Truncate(size int64) error {
	if w.temp == "" || size < 0 {
		return explain(w.name, fs.ErrPermission)
	}
	if err := w.reserve(size); err != nil {
		return err
	}
	if err := w.f.Truncate(size); err != nil {
		return explain(w.name, err)
	}
	return nil
}
