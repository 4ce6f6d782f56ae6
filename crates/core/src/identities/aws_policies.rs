//! The AWS managed policies that users of Secrets Manager meet, under their ARNs. They belong to no account and nobody
//! can change them.

use std::sync::{Arc, OnceLock};

use strongroom_policy::{Document, DocumentKind};

use crate::error::Error;

/// An AWS managed policy.
#[derive(Debug)]
pub struct AwsPolicy {
    /// The ARN without the partition and what stands before it, such as `policy/AdministratorAccess`.
    resource: &'static str,
    /// The unique id.
    pub id: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// When it was made, in seconds since the epoch.
    pub created_s: i64,
    /// When its current version was made, in seconds since the epoch.
    pub updated_s: i64,
    /// The version that is in force, such as `v1`.
    pub version: &'static str,
    /// The document.
    pub text: &'static str,
    compiled: OnceLock<Option<Arc<Document>>>,
}

impl AwsPolicy {
    const fn new(
        resource: &'static str,
        id: &'static str,
        version: &'static str,
        (created_s, updated_s): (i64, i64),
        description: &'static str,
        text: &'static str,
    ) -> Self {
        Self { resource, id, description, created_s, updated_s, version, text, compiled: OnceLock::new() }
    }

    /// Its ARN in a partition.
    #[must_use]
    pub fn arn(&self, partition: &str) -> String {
        ["arn:", partition, ":iam::aws:", self.resource].concat()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.resource.rsplit_once('/').map_or(self.resource, |(_, name)| name)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &'static str {
        let path = self.resource.strip_prefix("policy").unwrap_or("/");
        path.strip_suffix(self.name()).unwrap_or(path)
    }

    /// The compiled document.
    ///
    /// # Errors
    /// A fault when the text does not read, which a test rules out.
    pub fn document(&self) -> Result<&Arc<Document>, Error> {
        let parse = || Document::parse(self.text, DocumentKind::Identity).ok().map(Arc::new);
        self.compiled.get_or_init(parse).as_ref().ok_or_else(|| Error::internal("an AWS managed policy does not read"))
    }
}

/// The policies, after AWS's reference of managed policies. ReadOnlyAccess has what concerns the services that are here;
/// the id of AWSSecretsManagerClientReadOnlyAccess is a stand-in, as none is published.
pub static ALL: [AwsPolicy; 10] = [
    AwsPolicy::new(
        "policy/AdministratorAccess",
        "ANPAIWMBCKSKIEE64ZLYK",
        "v1",
        (1_423_247_986, 1_423_247_986),
        "Provides full access to AWS services and resources.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    AwsPolicy::new(
        "policy/PowerUserAccess",
        "ANPAJYRXTHIB4FOVS3ZXS",
        "v12",
        (1_423_247_987, 1_770_919_154),
        "Provides full access to AWS services and resources, but does not allow management of Users and \
         groups.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*",
"account:*"],"Resource":"*"},{"Effect":"Allow","Action":["account:GetAccountInformation",
"account:GetGovCloudAccountInformation","account:GetPrimaryEmail","account:ListRegions",
"iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles",
"organizations:DescribeEffectivePolicy","organizations:DescribeOrganization"],"Resource":"*"}]}"#,
    ),
    // AWS's text goes on with every other service. Here are the entries of services that Strongroom has or takes part in.
    AwsPolicy::new(
        "policy/ReadOnlyAccess",
        "ANPAILL3HVNFSB6DCOWYQ",
        "v87",
        (1_423_247_988, 1_653_336_978),
        "Provides read-only access to AWS services and resources.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudtrail:Describe*",
"cloudtrail:Get*","cloudtrail:List*","cloudtrail:LookupEvents","iam:Generate*","iam:Get*","iam:List*",
"iam:Simulate*","kms:Describe*","kms:Get*","kms:List*","lambda:Get*","lambda:List*",
"organizations:Describe*","organizations:List*","secretsmanager:Describe*",
"secretsmanager:GetResourcePolicy","secretsmanager:List*","ssm:Describe*","ssm:Get*","ssm:List*",
"sts:GetAccessKeyInfo","sts:GetCallerIdentity","sts:GetSessionToken"],"Resource":"*"}]}"#,
    ),
    AwsPolicy::new(
        "policy/IAMFullAccess",
        "ANPAI7XKCFMBPM3QQRRVQ",
        "v2",
        (1_423_248_038, 1_561_146_000),
        "Provides full access to IAM via the AWS Management Console.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*",
"organizations:DescribeAccount","organizations:DescribeOrganization",
"organizations:DescribeOrganizationalUnit","organizations:DescribePolicy","organizations:ListChildren",
"organizations:ListParents","organizations:ListPoliciesForTarget","organizations:ListRoots",
"organizations:ListPolicies","organizations:ListTargetsForPolicy"],"Resource":"*"}]}"#,
    ),
    AwsPolicy::new(
        "policy/IAMReadOnlyAccess",
        "ANPAJKSO7NDY4T57MWDSQ",
        "v4",
        (1_423_248_039, 1_516_907_487),
        "Provides read only access to IAM via the AWS Management Console.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport",
"iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy",
"iam:SimulatePrincipalPolicy"],"Resource":"*"}]}"#,
    ),
    AwsPolicy::new(
        "policy/IAMUserChangePassword",
        "ANPAJ4L4MM2A7QIEB56MS",
        "v2",
        (1_479_169_516, 1_479_251_935),
        "Provides the ability for an IAM user to change their own password.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:ChangePassword"],
"Resource":["arn:aws:iam::*:user/${aws:username}"]},{"Effect":"Allow",
"Action":["iam:GetAccountPasswordPolicy"],"Resource":"*"}]}"#,
    ),
    AwsPolicy::new(
        "policy/SecretsManagerReadWrite",
        "ANPAI3VG7CI5BIQZQ6G2E",
        "v6",
        (1_522_865_129, 1_787_701_030),
        "Provides read/write access to AWS Secrets Manager via the AWS Management Console. Note: this \
         excludes IAM actions, so combine with IAMFullAccess if rotation configuration is required.",
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"BasePermissions","Effect":"Allow",
"Action":["secretsmanager:*","cloudformation:CreateChangeSet","cloudformation:DescribeChangeSet",
"cloudformation:DescribeStackResource","cloudformation:DescribeStacks",
"cloudformation:ExecuteChangeSet","docdb-elastic:GetCluster","docdb-elastic:ListClusters",
"ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcs","kms:DescribeKey",
"kms:ListAliases","kms:ListKeys","lambda:ListFunctions","rds:DescribeDBClusters",
"rds:DescribeDBInstances","redshift:DescribeClusters","redshift-serverless:ListWorkgroups",
"redshift-serverless:GetNamespace","tag:GetResources"],"Resource":"*"},{"Sid":"LambdaPermissions",
"Effect":"Allow","Action":["lambda:AddPermission","lambda:CreateFunction","lambda:GetFunction",
"lambda:InvokeFunction","lambda:UpdateFunctionConfiguration"],
"Resource":"arn:aws:lambda:*:*:function:SecretsManager*"},{"Sid":"SARPermissions","Effect":"Allow",
"Action":["serverlessrepo:CreateCloudFormationChangeSet","serverlessrepo:GetApplication"],
"Resource":"arn:aws:serverlessrepo:*:*:applications/SecretsManager*"},{"Sid":"S3Permissions",
"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::awsserverlessrepo-changesets*",
"arn:aws:s3:::secrets-manager-rotation-apps-*/*"]},{"Sid":"CloudFormationTagOnCreate","Effect":"Allow",
"Action":["cloudformation:TagResource","cloudformation:UntagResource"],"Resource":"*",
"Condition":{"StringEquals":{"cloudformation:CreateAction":["CreateChangeSet","ExecuteChangeSet"]}}}]}"#,
    ),
    // AWS does not publish the id of this policy: this one stands in for it.
    AwsPolicy::new(
        "policy/AWSSecretsManagerClientReadOnlyAccess",
        "ANPAZKAPJZG4SMCLIENTR",
        "v3",
        (1_762_373_040, 1_770_919_242),
        "Provides access to retrieve and describe secrets from Secrets Manager. This policy also allows \
         decrypting KMS keys for Secrets Manager secrets.",
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"SecretsManagerGetAndDescribeSecret","Effect":"Allow",
"Action":["secretsmanager:GetSecretValue","secretsmanager:DescribeSecret"],
"Resource":"arn:aws:secretsmanager:*:*:secret:*"},{"Sid":"KMSDecryptKey","Effect":"Allow",
"Action":["kms:Decrypt"],"Resource":"arn:aws:kms:*:*:key/*",
"Condition":{"StringLike":{"kms:EncryptionContext:SecretARN":"arn:aws:secretsmanager:*:*:secret:*",
"kms:ViaService":"secretsmanager.*.amazonaws.com"}}}]}"#,
    ),
    AwsPolicy::new(
        "policy/service-role/AWSLambdaBasicExecutionRole",
        "ANPAJNCQGXC42545SKXIK",
        "v1",
        (1_428_591_823, 1_428_591_823),
        "Provides write permissions to CloudWatch Logs.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup",
"logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}"#,
    ),
    AwsPolicy::new(
        "policy/service-role/AWSLambdaVPCAccessExecutionRole",
        "ANPAJVTME3YLVNL72YR2K",
        "v3",
        (1_455_232_526, 1_704_494_306),
        "Provides minimum permissions for a Lambda function to execute while accessing a resource \
         within a VPC - create, describe, delete network interfaces and write permissions to CloudWatch \
         Logs. ",
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"AWSLambdaVPCAccessExecutionPermissions","Effect":"Allow",
"Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents","ec2:CreateNetworkInterface",
"ec2:DescribeNetworkInterfaces","ec2:DescribeSubnets","ec2:DeleteNetworkInterface",
"ec2:AssignPrivateIpAddresses","ec2:UnassignPrivateIpAddresses"],"Resource":"*"}]}"#,
    ),
];

/// The policy of an ARN of `partition`, the server's own. By the ARN of another partition it would have a second name,
/// which conditions on `iam:PolicyARN` do not know.
#[must_use]
pub fn find(partition: &str, arn: &str) -> Option<&'static AwsPolicy> {
    let (of, resource) = arn.strip_prefix("arn:")?.split_once(":iam::aws:")?;
    ALL.iter().find(|policy| of == partition && policy.resource == resource)
}

/// The policy of an ARN that is stored, of whatever partition: what was attached once stays in force.
#[must_use]
pub fn find_stored(arn: &str) -> Option<&'static AwsPolicy> {
    let (of, resource) = arn.strip_prefix("arn:")?.split_once(":iam::aws:")?;
    let known = ["aws", "aws-cn", "aws-us-gov"].contains(&of);
    ALL.iter().find(|policy| known && policy.resource == resource)
}

/// Whether an ARN is of a policy of AWS, whether it is here or not.
#[must_use]
pub fn is_of_aws(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_compile_and_are_found_under_their_arns() {
        for policy in &ALL {
            assert!(Document::parse(policy.text, DocumentKind::Managed).is_ok(), "{}", policy.name());
            let found = find("aws", &policy.arn("aws")).expect("it is there");
            assert_eq!((found.id, found.id.len()), (policy.id, 21));
            assert!(policy.created_s <= policy.updated_s);
        }
    }

    #[test]
    fn paths_and_names_are_those_of_the_arn() {
        let basic =
            find("aws", "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole").expect("it is there");
        assert_eq!((basic.path(), basic.name()), ("/service-role/", "AWSLambdaBasicExecutionRole"));
        let admin = find("aws-cn", "arn:aws-cn:iam::aws:policy/AdministratorAccess").expect("it is there");
        assert_eq!((admin.path(), admin.name()), ("/", "AdministratorAccess"));
        assert!(find("aws", "arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole").is_none(), "another path");
    }

    #[test]
    fn another_partition_is_no_second_name() {
        let other = "arn:aws-cn:iam::aws:policy/AdministratorAccess";
        assert!(find("aws", other).is_none());
        assert!(find_stored(other).is_some(), "what was attached stays");
    }
}
