//! Runs the planned scenarios. The only module that knows `cucumber`; turns what happens into our events.
//!
//! Cucumber's own matching would take an undefined step for skipped and skipped for green, and a step's error
//! would lose its type. So cucumber is given one catch-all phrase per keyword, and `dispatch` finds the
//! real one, runs it, and enters a typed outcome in the World before cucumber hears of it.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cucumber::event::{self, Cucumber as RunnerEvent, ScenarioFinished};
use cucumber::feature::Ext as _;
use cucumber::gherkin::{self, StepType};
use cucumber::step::{Collection, Context};
use cucumber::{Cucumber, Event as Stamped, Parser, Writer, cli, parser, runner, writer};
use futures::future::{FutureExt as _, LocalBoxFuture};
use futures::stream;
use jiff::Timestamp;
use regex::Regex;

use crate::context::RunContext;
use crate::model::event::{Event, PlannedCase, ScenarioId, Step};
use crate::model::test_case::TestCase;
use crate::model::verdict::{Keyword, Outcome, Verdict};
use crate::recorder::Recorder;
use crate::steps::{self, Problem};
use crate::world::World;

/// The longest that a step may take beside what the profile allows the SUT: each wait is bounded by the IXIT, this bounds our
/// own mistakes.
const STEP_LIMIT: Duration = Duration::from_secs(1800);

/// What is run.
pub struct Plan {
    /// The test cases with their sources.
    pub cases: Vec<Arc<TestCase>>,
    /// The same, as reports know them: which scenarios were selected.
    pub planned: Vec<PlannedCase>,
    /// Scenarios that ended before the run was cut off and taken up again: they are not run once more.
    pub ended: BTreeSet<ScenarioId>,
}

/// Runs the plan to its end. Every event is recorded; the caller records the first and the last.
pub async fn run(
    plan: &Plan,
    context: Arc<RunContext>,
    recorder: Arc<Recorder>,
    concurrency: usize,
) {
    let wanted: BTreeSet<ScenarioId> = plan
        .planned
        .iter()
        .flat_map(|case| {
            case.scenarios.iter().map(|scenario| ScenarioId {
                case: case.id.clone(),
                line: scenario.line,
            })
        })
        .filter(|scenario| !plan.ended.contains(scenario))
        .collect();
    let _hook = PanicHook;
    let stage = Stage {
        context,
        recorder: Arc::clone(&recorder),
        finished: Arc::default(),
    };
    let before = stage.clone();
    let after = stage.clone();
    let runner = runner::Basic::default()
        .max_concurrent_scenarios(concurrency)
        .which_scenario(|_, _, scenario| {
            if scenario.tags.iter().any(|tag| tag == "serial") {
                runner::basic::ScenarioType::Serial
            } else {
                runner::basic::ScenarioType::Concurrent
            }
        })
        .retries(None)
        .steps(catch_all())
        .before(move |feature, _, scenario, world| before.begin(feature, scenario, world))
        .after(move |feature, _, scenario, ended, world| {
            after.end(feature, scenario, ended, world)
        });
    let selected = wanted.clone();
    Cucumber::<_, _, _, _, _, cli::Empty>::custom(Features, runner, Audit(Arc::clone(&recorder)))
        .with_default_cli()
        .filter_run(plan.cases.clone(), move |feature, _, scenario| {
            selected.contains(&scenario_id(feature, scenario))
        })
        .await;
    stage.account_for(&wanted);
}

impl cucumber::World for World {
    type Error = Infallible;

    async fn new() -> Result<Self, Infallible> {
        Ok(Self::default())
    }
}

/// Reads our features for cucumber. They were checked before; a fault here is the runner's.
struct Features;

impl Parser<Vec<Arc<TestCase>>> for Features {
    type Cli = cli::Empty;
    type Output = stream::Iter<std::vec::IntoIter<parser::Result<gherkin::Feature>>>;

    fn parse(self, cases: Vec<Arc<TestCase>>, _: cli::Empty) -> Self::Output {
        let features: Vec<_> = cases
            .iter()
            .map(|case| {
                let feature = gherkin::Feature::parse(&case.source, gherkin::GherkinEnv::default())
                    .map_err(|source| {
                        parser::Error::Parsing(Arc::new(gherkin::ParseFileError::Parsing {
                            path: case.path.clone(),
                            error: None,
                            source,
                        }))
                    })?;
                let mut feature = feature.expand_examples()?;
                feature.path = Some(case.path.clone());
                Ok(feature)
            })
            .collect();
        stream::iter(features)
    }
}

/// Hears cucumber's own account and objects to whatever our steps cannot have seen.
struct Audit(Arc<Recorder>);

impl Audit {
    fn object(&self, error: String) {
        self.0.note(&Event::RunnerFault {
            at: Timestamp::now(),
            error,
        });
    }

    fn hear(&self, scenario: &gherkin::Scenario, event: &event::Scenario<World>) {
        use event::Scenario::{Background, Hook, Step};
        match event {
            Hook(kind, event::Hook::Failed(_, info)) => {
                self.object(format!(
                    "{}: {kind} hook: {}",
                    scenario.name,
                    panic_text(info.as_ref())
                ));
            }
            Step(step, event::Step::Skipped) | Background(step, event::Step::Skipped) => {
                self.object(format!(
                    "{}: a step was skipped: {}",
                    scenario.name, step.value
                ));
            }
            _ => {}
        }
    }
}

impl Writer<World> for Audit {
    type Cli = cli::Empty;

    async fn handle_event(
        &mut self,
        event: parser::Result<Stamped<RunnerEvent<World>>>,
        _: &cli::Empty,
    ) {
        use event::{Feature, Rule};
        match event.map(Stamped::into_inner) {
            Err(error) => self.object(error.to_string()),
            Ok(RunnerEvent::Feature(_, Feature::Scenario(scenario, retryable))) => {
                self.hear(&scenario, &retryable.event);
            }
            Ok(RunnerEvent::Feature(_, Feature::Rule(_, Rule::Scenario(scenario, retryable)))) => {
                self.hear(&scenario, &retryable.event);
            }
            Ok(_) => {}
        }
    }
}

// It writes nothing, so there is nothing to put in order.
impl writer::Normalized for Audit {}

/// What the hooks share.
#[derive(Clone)]
struct Stage {
    context: Arc<RunContext>,
    recorder: Arc<Recorder>,
    finished: Arc<Mutex<BTreeSet<ScenarioId>>>,
}

impl Stage {
    fn begin<'a>(
        &self,
        feature: &gherkin::Feature,
        scenario: &gherkin::Scenario,
        world: &'a mut World,
    ) -> LocalBoxFuture<'a, ()> {
        let stage = self.clone();
        let scenario = scenario_id(feature, scenario);
        Box::pin(async move {
            PanicHook::install(&stage.recorder);
            world.begin(
                Arc::clone(&stage.context),
                Arc::clone(&stage.recorder),
                scenario.clone(),
            );
            stage.recorder.note(&Event::ScenarioStarted {
                at: Timestamp::now(),
                scenario,
            });
        })
    }

    fn end<'a>(
        &self,
        feature: &gherkin::Feature,
        scenario: &gherkin::Scenario,
        ended: &ScenarioFinished,
        world: Option<&'a mut World>,
    ) -> LocalBoxFuture<'a, ()> {
        let stage = self.clone();
        let id = scenario_id(feature, scenario);
        let steps = feature.background.as_ref().map_or(0, |b| b.steps.len()) + scenario.steps.len();
        let hook_failed = matches!(ended, ScenarioFinished::BeforeHookFailed(_));
        Box::pin(async move {
            let mut event = match world {
                Some(world) => world.finish(id.clone()).await,
                None => nothing_happened(id.clone()),
            };
            if let Event::ScenarioFinished { verdict, .. } = &mut event
                && (hook_failed || steps == 0)
            {
                *verdict = Verdict::Error;
            }
            stage
                .finished
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id);
            stage.recorder.note(&event);
        })
    }

    /// A scenario that cucumber silently left out is a fault, not a pass.
    fn account_for(&self, wanted: &BTreeSet<ScenarioId>) {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        for missing in wanted.difference(&finished) {
            self.recorder.note(&Event::RunnerFault {
                at: Timestamp::now(),
                error: format!(
                    "{} line {}: was planned but never run",
                    missing.case, missing.line
                ),
            });
        }
    }
}

fn nothing_happened(scenario: ScenarioId) -> Event {
    Event::ScenarioFinished {
        at: Timestamp::now(),
        scenario,
        verdict: Verdict::Error,
        evidence: Vec::new(),
        observations: Vec::new(),
        measurements: Vec::new(),
        residue: Vec::new(),
    }
}

/// One phrase per keyword, which fits everything.
fn catch_all() -> Collection<World> {
    #[expect(clippy::expect_used, reason = "a constant that parses")]
    let everything = Regex::new("(?s)^.*$").expect("a regular expression that fits everything");
    Collection::new()
        .given(None, everything.clone(), dispatch)
        .when(None, everything.clone(), dispatch)
        .then(None, everything, dispatch)
}

/// Finds the step, runs it, enters what it met, and tells cucumber by a panic if that was not what it asks for.
fn dispatch(world: &mut World, context: Context) -> LocalBoxFuture<'_, ()> {
    Box::pin(async move {
        let started = Instant::now();
        let keyword = match context.step.ty {
            StepType::Given => Keyword::Given,
            StepType::When => Keyword::When,
            StepType::Then => Keyword::Then,
        };
        let (at_code, outcome) = match steps::find(keyword, &context.step.value) {
            Err(unmatched) => (
                String::new(),
                Outcome::Harness {
                    error: unmatched.to_string(),
                },
            ),
            Ok((definition, arguments)) => {
                let limit = step_limit(world);
                let running = AssertUnwindSafe((definition.run)(world, arguments)).catch_unwind();
                let outcome = match tokio::time::timeout(limit, running).await {
                    Ok(Ok(Ok(()))) => Outcome::Met,
                    Ok(Ok(Err(problem))) => problem.into(),
                    Ok(Err(panic)) => Outcome::Harness {
                        error: format!("the step panicked: {}", panic_text(panic.as_ref())),
                    },
                    Err(_) => Problem::Harness(anyhow::anyhow!(
                        "the step did not end within {} s",
                        limit.as_secs()
                    ))
                    .into(),
                };
                (definition.at.to_owned(), outcome)
            }
        };
        world.enter(Step {
            keyword,
            text: context.step.value.clone(),
            line: context.step.position.line,
            millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            at_code,
            outcome: outcome.clone(),
        });
        if outcome != Outcome::Met {
            // Unwinds without running the panic hook: nothing has gone wrong here.
            std::panic::resume_unwind(Box::new(outcome.to_string()));
        }
    })
}

/// A load step may take as long as a SUT that needs all its time for each answer.
fn step_limit(world: &World) -> Duration {
    let Ok(context) = world.context() else {
        return STEP_LIMIT;
    };
    let ixit = &context.profile.ixit;
    let rounds = context.capacity().max(1000) / ixit.capacity.concurrency.max(1) as u64;
    // A step may ask for two things, a stop and a start.
    let people = match ixit.operator_steps().is_empty() {
        true => 0,
        false => (2 + ixit.observe.dumps.len() as u64) * ixit.timeouts.operator,
    };
    STEP_LIMIT + Duration::from_secs(ixit.timeouts.answer.saturating_mul(rounds) + people)
}

fn scenario_id(feature: &gherkin::Feature, scenario: &gherkin::Scenario) -> ScenarioId {
    ScenarioId {
        case: feature.name.trim().to_owned(),
        line: scenario.position.line,
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no text".to_owned())
}

/// Cucumber silences the process's panic hook while it runs, and leaves it so if it is dropped half-way. A panic in a simulator must
/// be heard: the SUT would see a fault that is ours.
struct PanicHook;

impl PanicHook {
    fn install(recorder: &Arc<Recorder>) {
        let recorder = Arc::downgrade(recorder);
        std::panic::set_hook(Box::new(move |info| {
            tracing::error!("panic: {info}");
            if let Some(recorder) = recorder.upgrade() {
                recorder.note(&Event::RunnerFault {
                    at: Timestamp::now(),
                    error: format!("panic: {info}"),
                });
            }
        }));
    }
}

impl Drop for PanicHook {
    fn drop(&mut self) {
        std::panic::set_hook(Box::new(|info| tracing::error!("panic: {info}")));
    }
}
