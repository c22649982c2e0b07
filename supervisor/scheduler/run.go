package scheduler

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"trunkline/cli/session"
	"trunkline/feature"
	"trunkline/feature/aaa"
	feat "trunkline/feature/scheduler"
)

// Session is what a job's lines are run in.
type Session interface {
	Run(ctx context.Context, line string, c session.Console) session.Result
}

// user returns who runs a schedule's jobs now. An error is why nobody does.
func (s *Service) user(d feat.Schedule) (feature.Session, error) {
	t := s.cfg.Running()
	who := feature.Session{User: d.Owner, From: "scheduler"}
	switch {
	case d.Owner == "":
		return who, errors.New("it is not known who configured the schedule")
	case !contains(aaa.Users(t), d.Owner):
		return who, fmt.Errorf("user %s, who configured the schedule, is not a user of the switch", d.Owner)
	case aaa.Expired(t, d.Owner, s.now()):
		return who, fmt.Errorf("the account of user %s, who configured the schedule, has expired", d.Owner)
	}
	who.Role = aaa.Role(t, d.Owner)
	return who, nil
}

func contains(all []string, name string) bool {
	for _, one := range all {
		if one == name {
			return true
		}
	}
	return false
}

// run runs the jobs of a schedule, one after the other.
func (s *Service) run(ctx context.Context, d feat.Schedule) {
	defer s.release(d.Name)
	ctx, cancel := context.WithTimeout(ctx, MaxTime)
	defer cancel()
	left := maxOutput
	for _, job := range d.Jobs {
		out := &console{left: left}
		status := "Success"
		s.status(d.Name, job, "Running")
		if err := s.job(ctx, d, job, out); err != nil {
			status = "Failed"
			out.end(err.Error() + "\n")
			if s.cfg.Events != nil {
				s.cfg.Events.Log(feature.Event{Facility: "SCHEDULER", Severity: feature.Err, Mnemonic: "JOB_FAILED",
					Text: fmt.Sprintf("Job %s of schedule %s failed: %s", job, d.Name, strings.ReplaceAll(err.Error(), "\n", "; "))})
			}
		}
		left = out.left
		s.status(d.Name, job, status)
		s.record(entry{schedule: d, job: job, status: status, output: out.text.String()}, s.now())
	}
}

// job runs the lines of a job until one fails. The user is looked at before every
// line: what he may do may have changed.
func (s *Service) job(ctx context.Context, d feat.Schedule, name string, out *console) error {
	j, ok := feat.JobOf(s.cfg.Running(), name)
	if !ok {
		return errors.New("job is not configured: " + name)
	}
	who, err := s.user(d)
	if err != nil {
		return err
	}
	opened := s.cfg.Open(who)
	for _, line := range j.Lines {
		now, err := s.user(d)
		switch {
		case err != nil:
			return err
		case now != who:
			return fmt.Errorf("the roles of user %s have changed", d.Owner)
		}
		out.print("`" + line + "`\n")
		result := opened.Run(ctx, line, out)
		switch {
		case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
			return fmt.Errorf("ended after %s", MaxTime)
		case ctx.Err() != nil:
			return errors.New("ended with the supervisor")
		case result.Failed:
			return errors.New("command failed: " + line)
		case result.More:
			return errors.New("command goes on on a further line: " + line)
		case result.Close:
			return nil
		}
	}
	return nil
}

// console takes what commands print, and forgets what is too much.
type console struct {
	text strings.Builder
	left int // bytes that are kept
	cut  bool
}

// cutOff ends output that was too long.
const cutOff = "\n(output was longer)\n"

// Write implements io.Writer.
func (c *console) Write(p []byte) (int, error) {
	c.print(string(p))
	return len(p), nil
}

func (c *console) print(text string) {
	if len(text) > c.left && !c.cut {
		c.cut = true
		text = strings.ToValidUTF8(text[:c.left], "")
		c.text.WriteString(text + cutOff)
		c.left = 0
		return
	}
	if !c.cut {
		c.text.WriteString(text)
		c.left -= len(text)
	}
}

// end adds why a job failed, whatever came before.
func (c *console) end(text string) { c.text.WriteString(text) }

func (*console) Page(int) {}

func (*console) Ask(context.Context, string) (string, error) {
	return "", errors.New("nobody is there to answer")
}
