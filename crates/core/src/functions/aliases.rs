//! Aliases of functions.

use strongroom_wire::lambda::{
    AliasConfiguration, AliasRoutingConfiguration, CreateAliasRequest, DeleteAliasRequest, GetAliasRequest,
    ListAliasesRequest, ListAliasesResponse, UpdateAliasRequest,
};
use strongroom_wire::record;

use super::lists::page;
use super::model::{Alias, Function};
use super::updates::check_revision;
use super::{Functions, refusals, shown};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// The second version of an alias with its share.
///
/// # Errors
/// InvalidParameterValueException, ResourceNotFoundException.
fn weight(
    function: &Function,
    version: &str,
    routing: Option<&AliasRoutingConfiguration>,
) -> Result<Option<(String, f64)>, Error> {
    let weights = routing.and_then(|routing| routing.additional_version_weights.as_ref());
    let mut weights = weights.into_iter().flatten();
    let Some((other, share)) = weights.next() else { return Ok(None) };
    if weights.next().is_some() {
        return Err(refusals::invalid("Number of items in AdditionalVersionWeights cannot be greater than 1"));
    }
    if !(0.0..=1.0).contains(share) {
        return Err(refusals::invalid("The weight of a version must be from 0.0 to 1.0"));
    }
    if other == version {
        return Err(refusals::invalid(format!(
            "Invalid function version {other}. Function version {other} is already included in routing configuration."
        )));
    }
    known(function, other)?;
    Ok(Some((other.clone(), *share)))
}

fn known(function: &Function, version: &str) -> Result<(), Error> {
    match function.version(version) {
        Some(_) => Ok(()),
        None => Err(refusals::not_found(&function.arn_of(version))),
    }
}

impl Functions {
    /// Makes an alias.
    ///
    /// # Errors
    /// ResourceNotFoundException, ResourceConflictException, InvalidParameterValueException.
    pub async fn create_alias(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreateAliasRequest,
    ) -> Result<AliasConfiguration, Error> {
        let revision = self.new_id()?;
        self.change(
            cx,
            permit,
            "create_alias",
            |function, _| {
                if function.aliases.contains_key(&input.name) {
                    return Err(refusals::alias_exists(&function.arn_of(&input.name)));
                }
                known(function, &input.function_version)?;
                let alias = Alias {
                    version: input.function_version.clone(),
                    description: input.description.clone().unwrap_or_default(),
                    weight: weight(function, &input.function_version, input.routing_config.as_ref())?,
                    revision_id: revision.clone(),
                };
                let answer = shown::alias(function, &input.name, &alias);
                function.aliases.insert(input.name.clone(), alias);
                Ok(answer)
            },
            |answer| Some(record::encode(answer)),
        )
        .await
    }

    /// Changes an alias.
    ///
    /// # Errors
    /// As [`Functions::create_alias`]; PreconditionFailedException.
    pub async fn update_alias(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: UpdateAliasRequest,
    ) -> Result<AliasConfiguration, Error> {
        let revision = self.new_id()?;
        self.change(
            cx,
            permit,
            "update_alias",
            |function, _| {
                let before = function.aliases.get(&input.name);
                let mut alias = before.cloned().ok_or_else(|| refusals::no_alias(&function.arn_of(&input.name)))?;
                check_revision(input.revision_id.as_ref(), &alias.revision_id)?;
                if let Some(version) = &input.function_version {
                    known(function, version)?;
                    alias.version.clone_from(version);
                }
                if let Some(description) = &input.description {
                    alias.description.clone_from(description);
                }
                if input.routing_config.is_some() {
                    alias.weight = weight(function, &alias.version, input.routing_config.as_ref())?;
                }
                alias.revision_id.clone_from(&revision);
                let answer = shown::alias(function, &input.name, &alias);
                function.aliases.insert(input.name.clone(), alias);
                Ok(answer)
            },
            |answer| Some(record::encode(answer)),
        )
        .await
    }

    /// Removes an alias; that there is none is no error.
    ///
    /// # Errors
    /// ResourceNotFoundException for the function.
    pub async fn delete_alias(&self, cx: &Ctx, permit: &Permit, input: DeleteAliasRequest) -> Result<(), Error> {
        let change = |function: &mut Function, _: &mut _| {
            function.aliases.remove(&input.name);
            function.policies.remove(&input.name);
            Ok(())
        };
        self.change(cx, permit, "delete_alias", change, |()| None).await
    }

    /// An alias.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub async fn get_alias(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: GetAliasRequest,
    ) -> Result<AliasConfiguration, Error> {
        let function = permit.function()?.found()?;
        let alias = function.aliases.get(&input.name);
        let alias = alias.ok_or_else(|| refusals::no_alias(&function.arn_of(&input.name)))?;
        Ok(shown::alias(function, &input.name, alias))
    }

    /// The aliases of a function, in the order of their names, perhaps of one version alone.
    ///
    /// # Errors
    /// ResourceNotFoundException, InvalidParameterValueException for a marker that is none.
    pub async fn list_aliases(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: ListAliasesRequest,
    ) -> Result<ListAliasesResponse, Error> {
        let function = permit.function()?.found()?;
        let of = |alias: &Alias| input.function_version.as_ref().is_none_or(|version| alias.version == *version);
        let names = function.aliases.iter().filter(|(_, alias)| of(alias)).map(|(name, _)| name.clone());
        let (names, next_marker) = page(names.collect(), input.marker.as_deref(), input.max_items)?;
        let shown = |name: &String| Some(shown::alias(function, name, function.aliases.get(name)?));
        Ok(ListAliasesResponse { next_marker, aliases: Some(names.iter().filter_map(shown).collect()) })
    }
}
