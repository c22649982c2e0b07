package gnmi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/feature"
)

// Bounds of a Set.
const (
	maxOperations = 16384
	maxTries      = 8               // on top of what others commit meanwhile
	maxWait       = 5 * time.Second // for another commit
	maxLine       = 200             // bytes of the accounting line
)

// Set implements the gNMI service (gNMI specification §3.4): all operations are
// one transaction.
func (s *Server) Set(ctx context.Context, r *pb.SetRequest) (*pb.SetResponse, error) {
	out, err := s.set(ctx, r)
	if err != nil {
		who := callerOf(ctx)
		s.cfg.Log.Info("gNMI Set refused", "user", who.User, "from", who.from, "error", oneLine(status.Convert(err).Message()))
		if s.cfg.Refused != nil {
			s.cfg.Refused(config.Meta{User: who.User, From: who.from, Line: summary(r), Method: config.MethodGNMI})
		}
	}
	return out, err
}

func oneLine(s string) string { return clip(printed(s)) }

// printed is a text as it may stand in a log: on one line, and without what a
// terminal would obey.
func printed(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
}

func (s *Server) set(ctx context.Context, r *pb.SetRequest) (*pb.SetResponse, error) {
	who := callerOf(ctx)
	if !s.rights(who).Configures() {
		return nil, status.Error(codes.PermissionDenied, feature.ErrPermission.Error())
	}
	ext, err := extensions(r.GetExtension(), onSet)
	if err != nil {
		return nil, err
	}
	if err := s.arbitration.admit(ext.arbitration); err != nil {
		return nil, err
	}
	n := len(r.GetDelete()) + len(r.GetReplace()) + len(r.GetUpdate()) + len(r.GetUnionReplace())
	if n > maxOperations {
		return nil, status.Errorf(codes.InvalidArgument, "%d operations: at most %d", n, maxOperations)
	}
	if u := len(r.GetUnionReplace()); u > 0 && u != n {
		return nil, status.Error(codes.InvalidArgument, "union_replace does not mix with update, replace or delete")
	}
	if ext.commit != nil && ext.commit.GetCommit() == nil {
		return s.confirm(ctx, r, ext, n)
	}
	m := config.Meta{User: who.User, From: who.from, Line: summary(r), Method: config.MethodGNMI}
	for try := 1; ; try++ {
		c := s.cfg.Store.Begin()
		results, err := s.apply(c, r)
		if err != nil {
			return nil, err
		}
		if err := s.may(ctx, who, c); err != nil {
			return nil, err
		}
		err = s.commit(ctx, c, m, ext)
		if errors.Is(err, config.ErrConflict) && try < maxTries && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return nil, refused(ctx, err)
		}
		return &pb.SetResponse{Prefix: r.GetPrefix(), Response: results, Timestamp: now()}, nil
	}
}

// may judges a Set by the roles of who asks for it: by the lines that do what it
// does.
func (s *Server) may(ctx context.Context, who caller, c *config.Candidate) error {
	if s.cfg.CLI != nil {
		switch err := s.cfg.CLI.May(ctx, who.session(), c.Base().Tree, c.Tree()); {
		case err == nil:
			return nil
		case errors.Is(err, feature.ErrNotAuthorized):
			return status.Error(codes.PermissionDenied, err.Error())
		case !errors.Is(err, feature.ErrPermission):
			return refused(ctx, err)
		}
	} else if who.Role.Admin() {
		return nil
	}
	return status.Error(codes.PermissionDenied, feature.ErrPermission.Error())
}

// confirming is the command that does what a confirmation does.
const confirming = "configure replace commit"

func (s *Server) commit(ctx context.Context, c *config.Candidate, m config.Meta, ext asked) error {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	if ext.commit == nil {
		_, err := s.cfg.Store.Commit(ctx, c, m)
		return err
	}
	if ext.commit.GetId() == "" {
		return status.Error(codes.InvalidArgument, "extension commit: no id")
	}
	rollback := defaultRollback
	if d := ext.commit.GetCommit().GetRollbackDuration(); d != nil {
		rollback = d.AsDuration()
	}
	_, err := s.cfg.Store.CommitTrial(ctx, c, m, ext.commit.GetId(), rollback)
	return err
}

// defaultRollback is after how long a commit is taken back that is not confirmed
// (commit-confirmed extension §3.2).
const defaultRollback = 10 * time.Minute

// confirm acts on the pending commit.
func (s *Server) confirm(ctx context.Context, r *pb.SetRequest, ext asked, operations int) (*pb.SetResponse, error) {
	if operations > 0 {
		return nil, status.Error(codes.InvalidArgument, "extension commit: confirm, cancel and set_rollback_duration come without operations")
	}
	id := ext.commit.GetId()
	if id == "" {
		return nil, status.Error(codes.InvalidArgument, "extension commit: no id")
	}
	who := callerOf(ctx)
	if !who.Role.Admin() && s.cfg.CLI == nil || s.cfg.CLI != nil && s.cfg.CLI.MayRun(ctx, who.session(), confirming) != nil {
		return nil, status.Error(codes.PermissionDenied, feature.ErrPermission.Error())
	}
	var err error
	switch {
	case ext.commit.GetConfirm() != nil:
		err = s.cfg.Store.Confirm(ctx, id)
	case ext.commit.GetCancel() != nil:
		_, err = s.cfg.Store.Cancel(ctx, id, config.Meta{User: who.User, From: who.from, Line: "gNMI Set cancel commit", Method: config.MethodGNMI})
	case ext.commit.GetSetRollbackDuration() != nil:
		err = s.cfg.Store.Prolong(ctx, id, ext.commit.GetSetRollbackDuration().GetRollbackDuration().AsDuration())
	default:
		err = status.Error(codes.InvalidArgument, "extension commit: no action")
	}
	if err != nil {
		return nil, refused(ctx, err)
	}
	return &pb.SetResponse{Prefix: r.GetPrefix(), Timestamp: now()}, nil
}

// apply makes the operations on a candidate, in the order of the specification.
func (s *Server) apply(c *config.Candidate, r *pb.SetRequest) ([]*pb.UpdateResult, error) {
	w := &writer{Server: s, c: c}
	var results []*pb.UpdateResult
	done := func(path *pb.Path, op pb.UpdateResult_Operation) {
		results = append(results, &pb.UpdateResult{Path: path, Op: op})
	}
	for _, path := range r.GetDelete() {
		if err := w.delete(r.GetPrefix(), path); err != nil {
			return nil, err
		}
		done(path, pb.UpdateResult_DELETE)
	}
	if err := w.shutFeatures(); err != nil {
		return nil, err
	}
	if len(r.GetUnionReplace()) > 0 {
		if err := w.clear(); err != nil {
			return nil, err
		}
	}
	for _, stage := range []struct {
		updates []*pb.Update
		replace bool
		op      pb.UpdateResult_Operation
	}{
		{r.GetReplace(), true, pb.UpdateResult_REPLACE},
		{r.GetUpdate(), false, pb.UpdateResult_UPDATE},
		{r.GetUnionReplace(), false, pb.UpdateResult_UNION_REPLACE},
	} {
		for _, u := range stage.updates {
			if err := w.write(r.GetPrefix(), u, stage.replace); err != nil {
				return nil, err
			}
			done(u.GetPath(), stage.op)
		}
		if err := w.openFeatures(); err != nil {
			return nil, err
		}
		if err := w.lines(); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// summary is the accounting line of a Set.
func summary(r *pb.SetRequest) string {
	var b strings.Builder
	b.WriteString("gNMI Set")
	add := func(op string, path *pb.Path) {
		if b.Len() < maxLine {
			elems := append(append([]*pb.PathElem(nil), r.GetPrefix().GetElem()...), path.GetElem()...)
			fmt.Fprintf(&b, " %s %s", op, pathText(elems))
		}
	}
	for _, p := range r.GetDelete() {
		add("delete", p)
	}
	for _, u := range r.GetReplace() {
		add("replace", u.GetPath())
	}
	for _, u := range r.GetUpdate() {
		add("update", u.GetPath())
	}
	for _, u := range r.GetUnionReplace() {
		add("union_replace", u.GetPath())
	}
	return printed(strings.ToValidUTF8(b.String()[:min(b.Len(), maxLine)], "?"))
}

// states are the rules that say no because of what is there, not because of what
// was asked.
var states = map[string]bool{schema.RuleInUse: true, schema.RulePermanent: true, schema.RuleFixed: true, "attached": true}

// codeOf is the code of problems.
func codeOf(problems config.Problems) codes.Code {
	for _, p := range problems {
		if states[p.Rule] {
			return codes.FailedPrecondition
		}
	}
	return codes.InvalidArgument
}

// maxProblems is the number of problems that a status tells.
const maxProblems = 32

// refused turns the answer of a transaction into a status. The operator's
// messages stay as they are, each with its place.
func refused(ctx context.Context, err error) error {
	var problems config.Problems
	var refusal config.Refusal
	var said feature.Error
	switch {
	case errors.As(err, &problems):
		texts := make([]string, 0, maxProblems)
		for _, p := range problems[:min(len(problems), maxProblems)] {
			texts = append(texts, fmt.Sprintf("%s (path /%s)", p.Text, p.Path))
		}
		return status.Error(codeOf(problems), strings.Join(texts, "\n"))
	case errors.Is(err, config.ErrConflict), errors.Is(err, config.ErrBusy):
		return status.Error(codes.Aborted, err.Error())
	case errors.Is(err, config.ErrHeld), errors.Is(err, config.ErrNoTrial):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, config.ErrTrialID), errors.Is(err, config.ErrTrialTime):
		return status.Error(codes.InvalidArgument, err.Error())
	case errors.Is(err, config.ErrInternal):
		return status.Error(codes.Internal, err.Error())
	case errors.As(err, &refusal):
		return status.Error(codes.FailedPrecondition, refusal.Error())
	case errors.As(err, &said):
		return status.Error(codes.FailedPrecondition, string(said))
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return status.Error(codes.Aborted, "another commit is under way; try again")
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Unavailable, err.Error())
}

// refusal is the code of an operator's message of origin cli.
func refusal(err error) codes.Code {
	if errors.Is(err, feature.ErrPermission) || errors.Is(err, feature.ErrNotAuthorized) {
		return codes.PermissionDenied
	}
	if errors.Is(err, context.Canceled) {
		return codes.Canceled
	}
	return codes.InvalidArgument
}
