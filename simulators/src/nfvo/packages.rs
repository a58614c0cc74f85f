//! VNF packages as a VNFM sees them (SOL003 clause 10): [`OnboardedPackage`] and its resources.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::LINK;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::filter::Filter;
use super::state::State;
use super::{artifacts, manifest, range, selector::Selector};
use crate::rest::{Answer, Asked};

/// A package that the NFVO has on-boarded. The bytes are served as they are.
#[derive(Clone, Debug)]
pub struct OnboardedPackage {
    /// Identifier given by the NFVO.
    pub vnf_pkg_id: String,
    /// Identifier given by the VNF provider.
    pub vnfd_id: String,
    /// vnfProvider.
    pub provider: String,
    /// vnfProductName.
    pub product: String,
    /// vnfSoftwareVersion.
    pub software_version: String,
    /// vnfdVersion.
    pub vnfd_version: String,
    /// packageSecurityOption.
    pub security_option: SecurityOption,
    /// The ZIP served at `/vnfd` (SOL003 clause 10.4.4.3.2), always with its signatures.
    pub vnfd: Bytes,
    /// The whole package, served at `/package_content`: the CSAR, or with option 2 the ZIP around it.
    pub package_content: Bytes,
    /// The manifest, served at `/manifest`. vnfmInfo, compatibleSpecificationVersions and additionalArtifacts are read
    /// from it where it can be read.
    pub manifest: Bytes,
    /// signingCertificate: the singleton certificate, PEM.
    pub signing_certificate: Option<String>,
}

/// packageSecurityOption (SOL004 clause 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityOption {
    /// Digests in a signed manifest, or signatures beside the files.
    Option1,
    /// The whole CSAR is signed, in a ZIP around it.
    Option2,
}

/// operationalState of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationalState {
    /// May be used for new VNF instances.
    Enabled,
    /// May not.
    Disabled,
}

/// The tester named a package that is not on-boarded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no package with vnfdId `{0}` is on-boarded")]
pub struct UnknownPackage(pub String);

/// All packages, in order of on-boarding.
#[derive(Default)]
pub(super) struct Packages(Vec<Entry>);

struct Entry {
    package: OnboardedPackage,
    state: OperationalState,
    /// SHA-256 of the package content, in hex; kept since packages are large.
    checksum: String,
}

impl Packages {
    pub(super) fn onboard(&mut self, package: OnboardedPackage) {
        self.0.retain(|Entry { package: old, .. }| {
            old.vnfd_id != package.vnfd_id && old.vnf_pkg_id != package.vnf_pkg_id
        });
        let checksum = checksum(&package);
        self.0.push(Entry {
            package,
            state: OperationalState::Enabled,
            checksum,
        });
    }

    pub(super) fn change(
        &mut self,
        vnfd_id: &str,
        change: impl FnOnce(&mut OnboardedPackage),
    ) -> Result<(), UnknownPackage> {
        let entry = self.entry(vnfd_id)?;
        change(&mut entry.package);
        entry.checksum = checksum(&entry.package);
        Ok(())
    }

    pub(super) fn set_operational_state(
        &mut self,
        vnfd_id: &str,
        state: OperationalState,
    ) -> Result<(), UnknownPackage> {
        self.entry(vnfd_id)?.state = state;
        Ok(())
    }

    pub(super) fn withdraw(&mut self, vnfd_id: &str) -> Result<(), UnknownPackage> {
        self.entry(vnfd_id)?;
        self.0.retain(|entry| entry.package.vnfd_id != vnfd_id);
        Ok(())
    }

    fn entry(&mut self, vnfd_id: &str) -> Result<&mut Entry, UnknownPackage> {
        let found = self
            .0
            .iter_mut()
            .find(|entry| entry.package.vnfd_id == vnfd_id);
        found.ok_or_else(|| UnknownPackage(vnfd_id.to_owned()))
    }
}

fn checksum(package: &OnboardedPackage) -> String {
    hex::encode(Sha256::digest(&package.package_content))
}

impl Entry {
    /// VnfPkgInfo (SOL003 clause 10.5.2.2).
    fn info(&self, api_root: &str) -> Value {
        let Self {
            package,
            state,
            checksum,
        } = self;
        let link = format!(
            "{api_root}/vnfpkgm/v2/vnf_packages/{}",
            segment(&package.vnf_pkg_id)
        );
        let mut info = json!({
            "id": package.vnf_pkg_id,
            "vnfdId": package.vnfd_id,
            "vnfProvider": package.provider,
            "vnfProductName": package.product,
            "vnfSoftwareVersion": package.software_version,
            "vnfdVersion": package.vnfd_version,
            "checksum": { "algorithm": "SHA-256", "hash": checksum },
            "packageSecurityOption": match package.security_option {
                SecurityOption::Option1 => "OPTION_1",
                SecurityOption::Option2 => "OPTION_2",
            },
            "onboardingState": "ONBOARDED",
            "operationalState": match state {
                OperationalState::Enabled => "ENABLED",
                OperationalState::Disabled => "DISABLED",
            },
            "usageState": "NOT_IN_USE",
            "_links": {
                "self": { "href": link },
                "vnfd": { "href": format!("{link}/vnfd") },
                "packageContent": { "href": format!("{link}/package_content") },
            },
        });
        if let Some(certificate) = &package.signing_certificate {
            info["signingCertificate"] = certificate.as_str().into();
        }
        for (name, value) in manifest::attributes(&package.manifest) {
            info[name] = value;
        }
        info
    }
}

/// A path segment: everything but unreserved characters encoded.
pub(super) fn segment(text: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    encoded.replace('+', "%20")
}

/// What each of a package's resources is found by.
#[derive(Clone, Copy)]
pub(super) enum By {
    Id,
    VnfdId,
}

/// The package that a request names in its first wildcard, or 404.
pub(super) fn find<T>(
    state: &State,
    asked: &Asked<'_>,
    by: By,
    answer: impl FnOnce(&OnboardedPackage) -> T,
) -> Result<T, Answer> {
    entry(state, asked, by, |entry| answer(&entry.package))
}

fn entry<T>(
    state: &State,
    asked: &Asked<'_>,
    by: By,
    answer: impl FnOnce(&Entry) -> T,
) -> Result<T, Answer> {
    let wanted = asked.capture(0);
    let packages = state.packages();
    let found = packages.0.iter().find(|Entry { package, .. }| match by {
        By::Id => package.vnf_pkg_id == wanted,
        By::VnfdId => package.vnfd_id == wanted,
    });
    match (found, by) {
        (Some(entry), _) => Ok(answer(entry)),
        (None, By::Id) => Err(Answer::not_found("VNF package", wanted)),
        (None, By::VnfdId) => Err(Answer::not_found(
            "on-boarded VNF package with vnfdId",
            wanted,
        )),
    }
}

/// The list, filtered and paged (SOL013 clauses 5.2 and 5.4).
pub(super) fn list(state: &State, asked: &Asked<'_>) -> Answer {
    let filter = match asked
        .query("filter")
        .map(|written| Filter::parse(&written))
        .transpose()
    {
        Ok(filter) => filter.unwrap_or_default(),
        Err(error) => return Answer::problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let infos: Vec<_> = state
        .packages()
        .0
        .iter()
        .map(|entry| entry.info(&state.api_root))
        .collect();
    let selector = Selector::of(asked);
    let wanted: Vec<_> = infos
        .into_iter()
        .filter(|info| filter.matches(info))
        .map(|info| selector.apply(info))
        .collect();
    let Some(size) = state.page_size else {
        return Answer::json(StatusCode::OK, &wanted.into());
    };
    let start = match asked
        .query("nextpage_opaque_marker")
        .map(|marker| marker.parse::<usize>())
    {
        None => 0,
        Some(Ok(start)) => start,
        Some(Err(_)) => {
            return Answer::problem(
                StatusCode::BAD_REQUEST,
                "nextpage_opaque_marker is not one of ours",
            );
        }
    };
    let next = start.saturating_add(size.get());
    let page: Vec<_> = wanted
        .iter()
        .skip(start)
        .take(size.get())
        .cloned()
        .collect();
    let answer = Answer::json(StatusCode::OK, &page.into());
    if next >= wanted.len() {
        return answer;
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(
        asked
            .request
            .url
            .query_pairs()
            .filter(|(name, _)| name != "nextpage_opaque_marker"),
    );
    let query = query
        .append_pair("nextpage_opaque_marker", &next.to_string())
        .finish();
    answer.with(
        LINK,
        &format!(
            "<{}{}?{query}>; rel=\"next\"",
            state.api_root,
            asked.request.url.path()
        ),
    )
}

pub(super) fn info_by_id(state: &State, asked: &Asked<'_>) -> Answer {
    read(state, asked, By::Id)
}

pub(super) fn info(state: &State, asked: &Asked<'_>) -> Answer {
    read(state, asked, By::VnfdId)
}

fn read(state: &State, asked: &Asked<'_>, by: By) -> Answer {
    entry(state, asked, by, |entry| {
        Answer::json(StatusCode::OK, &entry.info(&state.api_root))
    })
    .unwrap_or_else(|no| no)
}

pub(super) fn vnfd_by_id(state: &State, asked: &Asked<'_>) -> Answer {
    archive(state, asked, By::Id)
}

pub(super) fn vnfd(state: &State, asked: &Asked<'_>) -> Answer {
    archive(state, asked, By::VnfdId)
}

/// The VNFD. Whether `include_signatures` was asked for changes nothing: signatures are always in it, and the
/// transcript keeps the target that was asked for.
fn archive(state: &State, asked: &Asked<'_>, by: By) -> Answer {
    let vnfd = find(state, asked, by, |package| package.vnfd.clone());
    vnfd.map_or_else(
        |no| no,
        |vnfd| Answer::bytes(StatusCode::OK, "application/zip", vnfd),
    )
}

pub(super) fn manifest_by_id(state: &State, asked: &Asked<'_>) -> Answer {
    manifest_file(state, asked, By::Id)
}

pub(super) fn manifest(state: &State, asked: &Asked<'_>) -> Answer {
    manifest_file(state, asked, By::VnfdId)
}

/// The manifest; with its certificate in a ZIP, if that is asked for and a separate file in the package (SOL003 clause
/// 10.4.4a.3.1).
fn manifest_file(state: &State, asked: &Asked<'_>, by: By) -> Answer {
    let package = match find(state, asked, by, OnboardedPackage::clone) {
        Ok(package) => package,
        Err(unknown) => return unknown,
    };
    match &package.signing_certificate {
        Some(certificate) if asked.wants_signatures() => artifacts::manifest(&package, certificate),
        _ => Answer::bytes(StatusCode::OK, "text/plain", package.manifest),
    }
}

pub(super) fn content_by_id(state: &State, asked: &Asked<'_>) -> Answer {
    whole(state, asked, By::Id)
}

pub(super) fn content(state: &State, asked: &Asked<'_>) -> Answer {
    whole(state, asked, By::VnfdId)
}

fn whole(state: &State, asked: &Asked<'_>, by: By) -> Answer {
    let content = find(state, asked, by, |package| package.package_content.clone());
    content.map_or_else(
        |no| no,
        |content| range::serve(asked, "application/zip", content),
    )
}
