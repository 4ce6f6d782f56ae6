//! The operations of KMS (awsJson1_1).

use strongroom_core::access::RequestKeys;
use strongroom_core::kms::Kms;
use strongroom_core::kms::alias::ALIAS_KIND;
use strongroom_core::kms::key::KEY_KIND;
use strongroom_core::{Ctx, Error, Permit, Resource, authorize};
use strongroom_wire::Shape;
use strongroom_wire::kms::{
    CancelKeyDeletionRequest, CreateAliasRequest, CreateGrantRequest, DecryptRequest, DeleteAliasRequest,
    DeleteImportedKeyMaterialRequest, DeriveSharedSecretRequest, DescribeKeyRequest, DisableKeyRequest,
    DisableKeyRotationRequest, EnableKeyRequest, EnableKeyRotationRequest, EncryptRequest, GenerateDataKeyPairRequest,
    GenerateDataKeyPairWithoutPlaintextRequest, GenerateDataKeyRequest, GenerateDataKeyWithoutPlaintextRequest,
    GenerateMacRequest, GetKeyPolicyRequest, GetKeyRotationStatusRequest, GetParametersForImportRequest,
    GetPublicKeyRequest, ImportKeyMaterialRequest, ListGrantsRequest, ListKeyPoliciesRequest, ListKeyRotationsRequest,
    ListResourceTagsRequest, Operation, PutKeyPolicyRequest, ReEncryptRequest, RetireGrantRequest, RevokeGrantRequest,
    RotateKeyOnDemandRequest, ScheduleKeyDeletionRequest, SignRequest, TagResourceRequest, UntagResourceRequest,
    UpdateAliasRequest, UpdateKeyDescriptionRequest, VerifyMacRequest, VerifyRequest, errors,
};
use strongroom_wire::{json, record};

use super::{Acted, Answered};

/// A request about one key.
trait OfKey: Shape + RequestKeys {
    /// How it may name the key.
    const NAMED: Named;
    /// The key as the request names it.
    fn key_id(&self) -> &str;
    /// The grant tokens that it brings.
    fn tokens(&self) -> Option<&[String]> {
        None
    }
}

/// How an operation may name its key (KMS's API reference, by operation).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    /// By id or ARN, and only one of the caller's account.
    AtHome,
    /// By id or ARN.
    ById,
    /// By id, ARN or alias.
    Freely,
}

macro_rules! of_key {
    ($named:ident: $($request:ty),+ $(,)?) => { $(impl OfKey for $request {
        const NAMED: Named = Named::$named;

        fn key_id(&self) -> &str {
            &self.key_id
        }
    })+ };
}

macro_rules! of_key_with_tokens {
    ($named:ident: $($request:ty),+ $(,)?) => { $(impl OfKey for $request {
        const NAMED: Named = Named::$named;

        fn key_id(&self) -> &str {
            &self.key_id
        }

        fn tokens(&self) -> Option<&[String]> {
            self.grant_tokens.as_deref()
        }
    })+ };
}

of_key!(
    AtHome: CancelKeyDeletionRequest,
    DeleteImportedKeyMaterialRequest,
    DisableKeyRequest,
    DisableKeyRotationRequest,
    EnableKeyRequest,
    EnableKeyRotationRequest,
    GetKeyPolicyRequest,
    GetParametersForImportRequest,
    ImportKeyMaterialRequest,
    ListKeyPoliciesRequest,
    ListKeyRotationsRequest,
    ListResourceTagsRequest,
    PutKeyPolicyRequest,
    RotateKeyOnDemandRequest,
    ScheduleKeyDeletionRequest,
    TagResourceRequest,
    UntagResourceRequest,
    UpdateKeyDescriptionRequest,
);
of_key!(ById: GetKeyRotationStatusRequest, ListGrantsRequest, RevokeGrantRequest);
of_key_with_tokens!(ById: CreateGrantRequest);
of_key_with_tokens!(
    Freely: DeriveSharedSecretRequest,
    DescribeKeyRequest,
    EncryptRequest,
    GenerateDataKeyPairRequest,
    GenerateDataKeyPairWithoutPlaintextRequest,
    GenerateDataKeyRequest,
    GenerateDataKeyWithoutPlaintextRequest,
    GenerateMacRequest,
    GetPublicKeyRequest,
    SignRequest,
    VerifyRequest,
    VerifyMacRequest,
);

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub(super) async fn run(kms: &Kms, cx: &Ctx, operation: Operation, body: &[u8]) -> Result<Answered, Error> {
    let call = Operated { kms, cx, operation, body };
    match operation {
        Operation::CreateKey => call.on_account(Kms::create_key).await,
        Operation::DescribeKey => call.on_key(Kms::describe_key).await,
        Operation::ListKeys => call.on_account(Kms::list_keys).await,
        Operation::UpdateKeyDescription => call.on_key_silently(Kms::update_key_description).await,
        Operation::PutKeyPolicy => call.on_key_silently(Kms::put_key_policy).await,
        Operation::GetKeyPolicy => call.on_key(Kms::get_key_policy).await,
        Operation::ListKeyPolicies => call.on_key(Kms::list_key_policies).await,
        Operation::EnableKey => call.on_key_silently(Kms::enable_key).await,
        Operation::DisableKey => call.on_key_silently(Kms::disable_key).await,
        Operation::ScheduleKeyDeletion => call.on_key(Kms::schedule_key_deletion).await,
        Operation::CancelKeyDeletion => call.on_key(Kms::cancel_key_deletion).await,
        Operation::EnableKeyRotation => call.on_key_silently(Kms::enable_key_rotation).await,
        Operation::DisableKeyRotation => call.on_key_silently(Kms::disable_key_rotation).await,
        Operation::GetKeyRotationStatus => call.on_key(Kms::get_key_rotation_status).await,
        Operation::RotateKeyOnDemand => call.on_key(Kms::rotate_key_on_demand).await,
        Operation::ListKeyRotations => call.on_key(Kms::list_key_rotations).await,
        Operation::TagResource => call.on_key_silently(Kms::tag_resource).await,
        Operation::UntagResource => call.on_key_silently(Kms::untag_resource).await,
        Operation::GetParametersForImport => call.on_key(Kms::get_parameters_for_import).await,
        Operation::ImportKeyMaterial => call.on_key(Kms::import_key_material).await,
        Operation::DeleteImportedKeyMaterial => call.on_key(Kms::delete_imported_key_material).await,
        Operation::ListResourceTags => call.on_key(Kms::list_resource_tags).await,
        Operation::ListAliases => call.on_account(Kms::list_aliases).await,
        Operation::CreateAlias => call.on_alias(|i: &CreateAliasRequest| &i.alias_name, Kms::create_alias).await,
        Operation::UpdateAlias => call.on_alias(|i: &UpdateAliasRequest| &i.alias_name, Kms::update_alias).await,
        Operation::DeleteAlias => call.on_alias(|i: &DeleteAliasRequest| &i.alias_name, Kms::delete_alias).await,
        _ => run_cipher(call).await,
    }
}

/// Cryptography and grants.
async fn run_cipher(call: Operated<'_>) -> Result<Answered, Error> {
    match call.operation {
        Operation::Encrypt => call.on_key(Kms::encrypt).await,
        Operation::Decrypt => call.decrypt().await,
        Operation::ReEncrypt => call.re_encrypt().await,
        Operation::GenerateDataKey => call.on_key(Kms::generate_data_key).await,
        Operation::GenerateDataKeyWithoutPlaintext => call.on_key(Kms::generate_data_key_without_plaintext).await,
        Operation::GenerateDataKeyPair => call.on_key(Kms::generate_data_key_pair).await,
        Operation::GenerateDataKeyPairWithoutPlaintext => {
            call.on_key(Kms::generate_data_key_pair_without_plaintext).await
        }
        Operation::GetPublicKey => call.on_key(Kms::get_public_key).await,
        Operation::Sign => call.on_key(Kms::sign).await,
        Operation::Verify => call.on_key(Kms::verify).await,
        Operation::DeriveSharedSecret => call.on_key(Kms::derive_shared_secret).await,
        Operation::GenerateRandom => call.on_account(Kms::generate_random).await,
        Operation::GenerateMac => call.on_key(Kms::generate_mac).await,
        Operation::VerifyMac => call.on_key(Kms::verify_mac).await,
        Operation::CreateGrant => call.on_key(Kms::create_grant).await,
        Operation::ListGrants => call.on_key(Kms::list_grants).await,
        Operation::ListRetirableGrants => call.on_account(Kms::list_retirable_grants).await,
        Operation::RevokeGrant => call.on_key_silently(Kms::revoke_grant).await,
        Operation::RetireGrant => call.retire_grant().await,
        other => {
            let text = format!("This version of Strongroom does not offer {}.", other.name());
            Err(Error::refused(errors::UNSUPPORTED_OPERATION_EXCEPTION, text))
        }
    }
}

/// A call that is being answered.
struct Operated<'a> {
    kms: &'a Kms,
    cx: &'a Ctx,
    operation: Operation,
    body: &'a [u8],
}

/// The key of a permit, as records show it.
fn acted(permit: &Permit) -> Option<Acted> {
    let Resource::Key(key) = permit.resource() else { return None };
    Some(Acted { arn: key.arn.clone(), account: key.account.clone(), kind: KEY_KIND })
}

fn answer<O: Shape>(output: &O, acted: Option<Acted>) -> Answered {
    Answered { body: json::encode(output), acted, ..Answered::default() }
}

impl Operated<'_> {
    /// Reads the input and puts what `shown` leaves of it into the record.
    fn input_shown<I: Shape>(&self, shown: impl FnOnce(&I) -> String) -> Result<I, Error> {
        let input: I = json::decode(self.body)?;
        let parameters = shown(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        Ok(input)
    }

    fn input<I: Shape>(&self) -> Result<I, Error> {
        self.input_shown(record::encode)
    }

    /// Reads the input and asks for leave on the key that it names.
    async fn permitted<I: OfKey>(&self) -> Result<(I, Permit), Error> {
        let input: I = self.input()?;
        let (action, asked) = (self.operation.action(), input.key_id());
        let permit = match I::NAMED {
            Named::Freely => self.kms.permitted(self.cx, action, asked, &input).await?,
            named => self.kms.permitted_by_id(self.cx, action, asked, named == Named::ById, &input).await?,
        };
        self.kms.check_tokens(input.tokens()).await?;
        Ok((input, permit))
    }

    /// An operation on a key.
    async fn on_key<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: OfKey,
        O: Shape,
        F: AsyncFnOnce(&Kms, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let (input, permit) = self.permitted().await?;
        let output = operation(self.kms, self.cx, &permit, input).await?;
        Ok(answer(&output, acted(&permit)))
    }

    /// An operation on a key, without output.
    async fn on_key_silently<I, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: OfKey,
        F: AsyncFnOnce(&Kms, &Ctx, &Permit, I) -> Result<(), Error>,
    {
        let (input, permit) = self.permitted().await?;
        operation(self.kms, self.cx, &permit, input).await?;
        Ok(Answered { acted: acted(&permit), ..Answered::default() })
    }

    /// An operation on the account as a whole.
    async fn on_account<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Kms, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = authorize(self.cx, self.operation.action(), Resource::Account, &input)?;
        let output = operation(self.kms, self.cx, &permit, input).await?;
        Ok(answer(&output, None))
    }

    /// An operation on an alias.
    async fn on_alias<I, F>(&self, name: fn(&I) -> &str, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        F: AsyncFnOnce(&Kms, &Ctx, &Permit, I) -> Result<(), Error>,
    {
        let input: I = self.input()?;
        let permit = self.kms.permitted_alias(self.cx, self.operation.action(), name(&input), &input)?;
        let acted = permit.resource().entity().map(|alias| Acted {
            arn: alias.arn.clone(),
            account: alias.account.clone(),
            kind: ALIAS_KIND,
        });
        operation(self.kms, self.cx, &permit, input).await?;
        Ok(Answered { acted, ..Answered::default() })
    }

    /// Decrypt, which may leave it to the blob to name the key. Records do not show the blob.
    async fn decrypt(&self) -> Result<Answered, Error> {
        let shown = |input: &DecryptRequest| record::encode(&DecryptRequest { ciphertext_blob: None, ..input.clone() });
        let input: DecryptRequest = self.input_shown(shown)?;
        let permit = self.kms.permitted_decrypt(self.cx, self.operation.action(), &input).await?;
        self.kms.check_tokens(input.grant_tokens.as_deref()).await?;
        let output = self.kms.decrypt(self.cx, &permit, input).await?;
        Ok(answer(&output, acted(&permit)))
    }

    /// ReEncrypt, which takes leave on two keys. Records show both, the source first.
    async fn re_encrypt(&self) -> Result<Answered, Error> {
        let shown =
            |input: &ReEncryptRequest| record::encode(&ReEncryptRequest { ciphertext_blob: None, ..input.clone() });
        let input: ReEncryptRequest = self.input_shown(shown)?;
        self.kms.check_tokens(input.grant_tokens.as_deref()).await?;
        let (output, from, to) = self.kms.re_encrypt(self.cx, input).await?;
        Ok(Answered { also: acted(&to), ..answer(&output, acted(&from)) })
    }

    /// RetireGrant, whose leave the grant itself may give. Records do not show the token.
    async fn retire_grant(&self) -> Result<Answered, Error> {
        let shown =
            |input: &RetireGrantRequest| record::encode(&RetireGrantRequest { grant_token: None, ..input.clone() });
        let input: RetireGrantRequest = self.input_shown(shown)?;
        let permit = self.kms.retire_grant(self.cx, input).await?;
        Ok(Answered { acted: acted(&permit), ..Answered::default() })
    }
}
