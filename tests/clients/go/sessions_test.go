// Credentials of sessions that the SDK gets by itself: a role by a profile, and by the token of an identity provider.
package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// signedBy loads the configuration anew and tells the client, its credentials, and the id of its access key.
func signedBy(t *testing.T, options ...func(*config.LoadOptions) error) (*secretsmanager.Client, *aws.CredentialsCache, string) {
	t.Helper()
	loaded, err := config.LoadDefaultConfig(t.Context(), append(options, config.WithRetryMaxAttempts(1))...)
	must(t, err)
	cache, is := loaded.Credentials.(*aws.CredentialsCache)
	if !is {
		t.Fatalf("credentials are not cached: %T", loaded.Credentials)
	}
	return secretsmanager.NewFromConfig(loaded), cache, keyOf(t, cache)
}

// keyOf is the id of the access key that credentials have now, which must be a session's.
func keyOf(t *testing.T, cache *aws.CredentialsCache) string {
	t.Helper()
	got, err := cache.Retrieve(t.Context())
	must(t, err)
	if !strings.HasPrefix(got.AccessKeyID, "ASIA") || got.SessionToken == "" || !got.CanExpire {
		t.Fatalf("no session's credentials: %s of %s", got.AccessKeyID, got.Source)
	}
	return got.AccessKeyID
}

// mayReadOnly checks that a client may read the secrets that its role may, and does nothing else.
func mayReadOnly(t *testing.T, limited *secretsmanager.Client) {
	t.Helper()
	name, _ := newSecret(t)
	got, err := limited.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	must(t, err)
	equal(t, "value", aws.ToString(got.SecretString), "first")
	_, err = limited.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: aws.String("second")})
	refused(t, err, "AccessDeniedException", "")
	other := name + "-other"
	_, err = client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &other, SecretString: aws.String("hidden")})
	must(t, err)
	_, err = limited.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &other})
	refused(t, err, "AccessDeniedException", "")
}

func TestARoleIsAssumedByAProfile(t *testing.T) {
	limited, cache, first := signedBy(t, config.WithSharedConfigProfile("assumed"))
	mayReadOnly(t, limited)
	equal(t, "kept key", keyOf(t, cache), first)
	cache.Invalidate()
	mayReadOnly(t, limited)
	if keyOf(t, cache) == first {
		t.Error("the credentials were not exchanged")
	}
}

func TestATokenFileIsReadAnew(t *testing.T) {
	tokens := os.Getenv("STRONGROOM_TOKENS")
	file := filepath.Join(t.TempDir(), "token")
	show := func(name string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(tokens, name))
		must(t, err)
		must(t, os.WriteFile(file, text, 0o600))
	}
	show("token-1")
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
	role, err := os.ReadFile(filepath.Join(tokens, "role"))
	must(t, err)
	t.Setenv("AWS_ROLE_ARN", string(role))
	limited, cache, first := signedBy(t)
	mayReadOnly(t, limited)

	// What is no token is not taken; the next one is.
	must(t, os.WriteFile(file, []byte("nothing"), 0o600))
	cache.Invalidate()
	name, _ := newSecret(t)
	_, err = limited.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err == nil || !strings.Contains(err.Error(), "InvalidIdentityToken") {
		t.Errorf("got %v, want InvalidIdentityToken", err)
	}
	show("token-2")
	mayReadOnly(t, limited)
	if keyOf(t, cache) == first {
		t.Error("the credentials were not exchanged")
	}
}
