//! What a product does otherwise than the standard says, where no test case judges it: tolerated, and told. Main function:
//! [`observations`].

use scas_simulators::transcript::{Exchange, Response};

use crate::model::evidence::Observation;

/// One way to deviate.
struct Deviation {
    name: &'static str,
    clause: &'static str,
    /// Continues "3 of 5 ...".
    what: &'static str,
    /// `None` where it has nothing to say of the exchange.
    deviates: fn(&Exchange) -> Option<bool>,
}

const DEVIATIONS: [Deviation; 11] = [
    Deviation {
        name: "answer-without-version",
        clause: "SOL013 9.2",
        what: "answers of the VNFM name no API version",
        deviates: |exchange| {
            let (_, response) = of_vnfm(exchange)?;
            Some(response.header("version").is_none())
        },
    },
    Deviation {
        name: "created-otherwise",
        clause: "SOL003 5.4.2.3.1",
        what: "creations of a VNF instance are answered by another status than 201",
        deviates: |exchange| Some(created(exchange)?.status != 201),
    },
    Deviation {
        name: "created-without-location",
        clause: "SOL003 5.4.2.3.1",
        what: "creations of a VNF instance are answered without a Location",
        deviates: |exchange| Some(created(exchange)?.header("location").is_none()),
    },
    Deviation {
        name: "subscribed-otherwise",
        clause: "SOL003 5.4.18.3.1",
        what: "subscriptions are answered by another status than 201",
        deviates: |exchange| {
            let (path, response) = of_vnfm(exchange)?;
            let accepted = posts(exchange) && path == ["subscriptions"] && response.status < 300;
            accepted.then_some(response.status != 201)
        },
    },
    Deviation {
        name: "task-otherwise",
        clause: "SOL003 5.4.4.3.1",
        what: "tasks on a VNF instance are accepted by another status than 202",
        deviates: |exchange| {
            let (path, response) = of_vnfm(exchange)?;
            let accepted = posts(exchange)
                && matches!(path[..], ["vnf_instances", _, _])
                && response.status < 300;
            accepted.then_some(response.status != 202)
        },
    },
    Deviation {
        name: "deleted-otherwise",
        clause: "SOL003 5.4.3.3.5",
        what: "deletions of a VNF instance are answered by another status than 204",
        deviates: |exchange| {
            let (path, response) = of_vnfm(exchange)?;
            let deletes = exchange.request.method == "DELETE" && response.status < 300;
            (deletes && path.first() == Some(&"vnf_instances")).then_some(response.status != 204)
        },
    },
    Deviation {
        name: "refusal-without-problem-details",
        clause: "SOL013 6.3",
        what: "refusals of the VNFM are not of type application/problem+json",
        deviates: |exchange| {
            let (_, response) = of_vnfm(exchange)?;
            let kind = response.header("content-type").unwrap_or_default();
            (response.status >= 400).then_some(!kind.starts_with("application/problem+json"))
        },
    },
    Deviation {
        name: "list-refused",
        clause: "SOL013 5.4",
        what: "queries for a list are refused",
        deviates: |exchange| {
            let (path, response) = of_vnfm(exchange)?;
            let lists = exchange.request.method == "GET" && path.len() == 1;
            lists.then_some(response.status >= 400)
        },
    },
    Deviation {
        name: "accept-does-not-match",
        clause: "SOL003 10.4.4.3.2",
        what: "fetches of an archive do not accept application/zip, which they get",
        deviates: |exchange| {
            let path = of_nfvo(exchange)?;
            let archive = path.ends_with("/vnfd") || path.ends_with("/package_content");
            let accept = exchange.request.header("accept").unwrap_or("*/*");
            let fits = ["application/zip", "application/*", "*/*"];
            archive.then_some(!fits.iter().any(|kind| accept.contains(kind)))
        },
    },
    Deviation {
        name: "request-without-version",
        clause: "SOL013 9.2",
        what: "requests of the VNFM name no API version",
        deviates: |exchange| {
            let path = of_nfvo(exchange)?;
            let of_api = ["/vnfpkgm/v", "/grant/v", "/notifications/"]
                .iter()
                .any(|api| path.starts_with(api));
            of_api.then_some(exchange.request.header("version").is_none())
        },
    },
    Deviation {
        name: "credentials-nobody-asked-for",
        clause: "SOL013 8.3.4",
        what: "notifications bear credentials that no subscription asked for",
        deviates: |exchange| {
            let notifies = of_nfvo(exchange)?.starts_with("/notifications/");
            let bears = |name| exchange.request.header(name).is_some();
            notifies.then_some(bears("authorization") || bears("x-auth-token"))
        },
    },
];

/// An observation for each deviation that some exchange shows, in the order of the list above.
pub fn observations<'a>(exchanges: impl Iterator<Item = &'a Exchange> + Clone) -> Vec<Observation> {
    let observe = |deviation: &Deviation| {
        let (mut all, mut deviating, mut first) = (0_u64, 0_u64, None);
        for exchange in exchanges.clone() {
            let Some(deviates) = (deviation.deviates)(exchange) else {
                continue;
            };
            all += 1;
            if deviates {
                deviating += 1;
                first.get_or_insert(exchange.seq);
            }
        }
        first.map(|first| Observation {
            name: deviation.name.to_owned(),
            text: format!(
                "tolerated: {deviating} of {all} {} (first: exchange {first})",
                deviation.what
            ),
            clause: Some(deviation.clause.to_owned()),
        })
    };
    DEVIATIONS.iter().filter_map(observe).collect()
}

/// The resource below the API's path, in parts, and the answer, of a request to the VNFM.
fn of_vnfm(exchange: &Exchange) -> Option<(Vec<&str>, &Response)> {
    let response = exchange.response.as_ref()?;
    let path = exchange.request.path().split("/vnflcm/").nth(1)?;
    let parts = path.trim_end_matches('/').split('/').skip(1).collect();
    (exchange.to == "VNFM").then_some((parts, response))
}

/// The path of a request of the VNFM to the NFVO.
fn of_nfvo(exchange: &Exchange) -> Option<&str> {
    (exchange.to == "NFVO" && exchange.from == "VNFM").then(|| exchange.request.path())
}

fn created(exchange: &Exchange) -> Option<&Response> {
    let (path, response) = of_vnfm(exchange)?;
    let created = posts(exchange) && path == ["vnf_instances"] && response.status < 300;
    created.then_some(response)
}

fn posts(exchange: &Exchange) -> bool {
    exchange.request.method == "POST"
}

#[cfg(test)]
mod tests {
    use super::*;
    use scas_simulators::transcript::{Body, Request};

    fn exchange(
        to: &str,
        request: &str,
        request_headers: &[(&str, &str)],
        status: u16,
        response_headers: &[(&str, &str)],
    ) -> Exchange {
        let headers = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            all.iter().map(own).collect()
        };
        let (method, target) = request.split_once(' ').unwrap();
        Exchange {
            seq: 7,
            started: jiff::Timestamp::UNIX_EPOCH,
            ended: None,
            interface: "Or-Vnfm".into(),
            from: if to == "VNFM" { "NFVO" } else { "VNFM" }.into(),
            to: to.into(),
            peer: None,
            tls: None,
            request: Request {
                method: method.into(),
                target: target.into(),
                headers: headers(request_headers),
                body: Body::default(),
            },
            response: Some(Response {
                status,
                headers: headers(response_headers),
                body: Body::default(),
            }),
            fault: None,
        }
    }

    fn names(exchange: &Exchange) -> Vec<String> {
        let seen = observations(std::iter::once(exchange));
        seen.into_iter().map(|one| one.name).collect()
    }

    #[test]
    fn what_the_standard_says_is_not_told() {
        let version = ("version", "2.0.0");
        let json = ("content-type", "application/problem+json");
        for fine in [
            exchange(
                "VNFM",
                "POST /p/vnflcm/v2/vnf_instances",
                &[],
                201,
                &[version, ("location", "x")],
            ),
            exchange(
                "VNFM",
                "POST /vnflcm/v2/vnf_instances",
                &[],
                422,
                &[version, json],
            ),
            exchange(
                "VNFM",
                "POST /vnflcm/v1/vnf_instances/a/instantiate",
                &[],
                202,
                &[version],
            ),
            exchange(
                "VNFM",
                "DELETE /vnflcm/v2/vnf_instances/a",
                &[],
                204,
                &[version],
            ),
            exchange("VNFM", "GET /vnflcm/v2/subscriptions", &[], 200, &[version]),
            exchange(
                "NFVO",
                "GET /vnfpkgm/v2/onboarded_vnf_packages/a/vnfd",
                &[version, ("accept", "application/zip")],
                200,
                &[],
            ),
            exchange("NFVO", "POST /notifications/lcm", &[version], 204, &[]),
            exchange("NFVO", "POST /token", &[("authorization", "x")], 200, &[]),
        ] {
            assert_eq!(
                names(&fine),
                Vec::<String>::new(),
                "{}",
                fine.request.target
            );
        }
    }

    #[test]
    fn each_deviation_is_told_by_its_name_and_clause() {
        let version = ("version", "2.0.0");
        for (name, deviating) in [
            (
                "answer-without-version",
                exchange("VNFM", "GET /vnflcm/v2/vnf_instances/a", &[], 200, &[]),
            ),
            (
                "created-otherwise",
                exchange(
                    "VNFM",
                    "POST /vnflcm/v2/vnf_instances",
                    &[],
                    202,
                    &[version, ("location", "x")],
                ),
            ),
            (
                "created-without-location",
                exchange(
                    "VNFM",
                    "POST /vnflcm/v2/vnf_instances",
                    &[],
                    201,
                    &[version],
                ),
            ),
            (
                "subscribed-otherwise",
                exchange(
                    "VNFM",
                    "POST /vnflcm/v2/subscriptions",
                    &[],
                    200,
                    &[version],
                ),
            ),
            (
                "task-otherwise",
                exchange(
                    "VNFM",
                    "POST /vnflcm/v2/vnf_instances/a/terminate",
                    &[],
                    204,
                    &[version],
                ),
            ),
            (
                "deleted-otherwise",
                exchange(
                    "VNFM",
                    "DELETE /vnflcm/v2/vnf_instances/a",
                    &[],
                    200,
                    &[version],
                ),
            ),
            (
                "refusal-without-problem-details",
                exchange(
                    "VNFM",
                    "DELETE /vnflcm/v2/vnf_instances/a",
                    &[],
                    409,
                    &[version],
                ),
            ),
            (
                "list-refused",
                exchange(
                    "VNFM",
                    "GET /vnflcm/v2/vnf_instances?x",
                    &[],
                    400,
                    &[version, ("content-type", "application/problem+json")],
                ),
            ),
            (
                "accept-does-not-match",
                exchange(
                    "NFVO",
                    "GET /vnfpkgm/v2/onboarded_vnf_packages/a/vnfd?x",
                    &[version, ("accept", "application/json")],
                    200,
                    &[],
                ),
            ),
            (
                "request-without-version",
                exchange("NFVO", "POST /grant/v1/grants", &[], 201, &[]),
            ),
            (
                "credentials-nobody-asked-for",
                exchange(
                    "NFVO",
                    "GET /notifications/lcm",
                    &[version, ("x-auth-token", "y")],
                    204,
                    &[],
                ),
            ),
        ] {
            assert_eq!(names(&deviating), [name], "{}", deviating.request.target);
            let seen = observations(std::iter::once(&deviating));
            assert!(
                seen[0].clause.is_some() && seen[0].text.contains("1 of 1"),
                "{seen:?}"
            );
        }
        assert_eq!(DEVIATIONS.len(), 11, "each has its example above");
    }
}
