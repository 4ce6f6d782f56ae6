//! The documents with key material in them, as those see them that wrap it anew under another root of trust.

use strongroom_crypto::Context;

use super::key::Key;
use super::managed::Before;
use super::material;
use crate::documents::Document;

/// A document with keys in it that a root of trust wraps.
pub trait Hanging: Document {
    /// What its wrapped keys are bound to.
    fn context(&self) -> Context;

    /// Its wrapped keys, in base64.
    fn wrapped(&mut self) -> Vec<&mut String>;
}

impl Hanging for Key {
    fn context(&self) -> Context {
        material::context(&self.account, &self.region, &self.key_id)
    }

    fn wrapped(&mut self) -> Vec<&mut String> {
        let all = self.materials.iter_mut().chain(self.pending.as_mut());
        all.filter_map(|material| material.wrapped.as_mut()).collect()
    }
}

impl Hanging for Before {
    fn context(&self) -> Context {
        material::context(&self.account, &self.region, &self.key_id)
    }

    fn wrapped(&mut self) -> Vec<&mut String> {
        self.material.iter_mut().collect()
    }
}
