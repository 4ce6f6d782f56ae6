// The server under test, names that belong to one test, and what the tests ask of errors.
package clients

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
)

const notFound = "Secrets Manager can't find the specified secret."

var client *secretsmanager.Client

func TestMain(m *testing.M) {
	loaded, err := config.LoadDefaultConfig(context.Background(), config.WithRetryMaxAttempts(1))
	if err != nil {
		panic(err)
	}
	client = secretsmanager.NewFromConfig(loaded)
	os.Exit(m.Run())
}

// random makes a name of hex digits, n bytes long before coding.
func random(n int) string {
	bytes := make([]byte, n)
	if _, err := rand.Read(bytes); err != nil {
		panic(err)
	}
	return hex.EncodeToString(bytes)
}

func newName() string { return "go" + random(8) + "/one" }

// newSecret makes a secret with the value `first`.
func newSecret(t *testing.T) (string, *secretsmanager.CreateSecretOutput) {
	t.Helper()
	name := newName()
	made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("first")})
	must(t, err)
	return name, made
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// refused checks an error's code, text (unless empty), status and request id.
func refused(t *testing.T, err error, code, text string) {
	t.Helper()
	var said smithy.APIError
	if !errors.As(err, &said) {
		t.Fatalf("got %v, want %s", err, code)
	}
	equal(t, "code", said.ErrorCode(), code)
	if text != "" {
		equal(t, "text", said.ErrorMessage(), text)
	}
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) {
		t.Fatalf("%v holds no answer", err)
	}
	equal(t, "status", answer.HTTPStatusCode(), 400)
	if answer.ServiceRequestID() == "" {
		t.Error("no request id")
	}
}

// put makes a version and tells its id.
func put(t *testing.T, name, value string, stages ...string) string {
	t.Helper()
	made, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &name, SecretString: &value, VersionStages: stages})
	must(t, err)
	return *made.VersionId
}

// value reads the current string.
func value(t *testing.T, name string) string {
	t.Helper()
	got, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	must(t, err)
	return aws.ToString(got.SecretString)
}

// byName is the filter for names that begin with the text.
func byName(prefix string) []types.Filter {
	return []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{prefix}}}
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return texts
}
