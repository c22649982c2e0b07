package scheduler

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	feat "trunkline/feature/scheduler"
)

// entry is one job that has run.
type entry struct {
	schedule    feat.Schedule
	job, status string
	output      string
}

func (e entry) text(at time.Time) string {
	output := e.output
	if output != "" && !strings.HasSuffix(output, "\n") {
		output += "\n"
	}
	owner := e.schedule.Owner
	if owner == "" {
		owner = "-"
	}
	return fmt.Sprintf("Job Name       : %-31s Job Status: %s\nSchedule Name  : %-31s User Name : %s\nCompletion time: %s\n"+
		"--------------------------------- Job Output ---------------------------------\n%s%s\n",
		e.job, e.status, e.schedule.Name, owner, at.Format("Mon Jan _2 15:04:05 2006"), output, strings.Repeat("=", 78))
}

// record adds an entry to the log file, of which as much is kept as is configured.
func (s *Service) record(e entry, at time.Time) {
	s.file.Lock()
	defer s.file.Unlock()
	old, err := s.read()
	if err == nil {
		err = s.write(newest(append(old, e.text(at)...), feat.LogSize(s.cfg.Running())))
	}
	if err != nil {
		s.cfg.Log.Warn("write the log file of jobs", "error", err)
	}
}

// newest is the end of a text that has a size, from the beginning of a line on.
func newest(text []byte, size int) []byte {
	if len(text) <= size {
		return text
	}
	text = text[len(text)-size:]
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
	}
	return text
}

// read returns the file; s.file is held.
func (s *Service) read() ([]byte, error) {
	f, err := os.Open(s.cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // was only read
	return io.ReadAll(io.LimitReader(f, 2<<20))
}

// LogFile returns the log file, oldest entry first.
func (s *Service) LogFile() (string, error) {
	s.file.Lock()
	defer s.file.Unlock()
	text, err := s.read()
	return string(newest(text, feat.LogSize(s.cfg.Running()))), err
}

// Clear empties the log file.
func (s *Service) Clear() error {
	s.file.Lock()
	defer s.file.Unlock()
	return s.write(nil)
}

// write replaces the file; s.file is held.
func (s *Service) write(text []byte) error {
	if err := os.MkdirAll(filepath.Dir(s.cfg.File), 0o700); err != nil {
		return err
	}
	next := s.cfg.File + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, s.cfg.File)
}
