/// Optimisers, schedules, initial weights and layers against PyTorch 1.13 (tests/golden/torch).
module Reproduction.Tests.TorchGolden

open System.IO
open System.Text.Json
open Expecto
open TorchSharp
open TorchSharp.Modules

type private F = torch.nn.functional
type private Schedule = torch.optim.lr_scheduler

let private golden =
    lazy
        (let path = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "torch", "golden.json")
         (JsonDocument.Parse(File.ReadAllText path)).RootElement)

let private section (name: string) (entry: string) = golden.Value.GetProperty(name).GetProperty entry

let private numbers (element: JsonElement) =
    [ for item in element.EnumerateArray() -> item.GetDouble() ]

let private values (tensor: torch.Tensor) =
    tensor.``to``(torch.float64).contiguous().data<float>() |> List.ofSeq

let private close (accuracy: float) name (actual: float list) (expected: float list) =
    Expect.hasLength actual expected.Length $"{name}: number of values"

    for a, e in List.zip actual expected do
        Expect.isLessThanOrEqual (abs (a - e)) (accuracy * max 1.0 (abs e)) $"{name}: {a} where PyTorch has {e}"

let private descend (make: Parameter seq -> OptimizerHelper) =
    use _scope = torch.NewDisposeScope()
    let p = torch.nn.Parameter(torch.tensor([| 0.5; -1.2; 2.0; 0.1; -0.7; 0.3 |]).reshape(2L, 3L))
    let q = torch.nn.Parameter(torch.ones(3L, torch.float64))

    let step (optimizer: OptimizerHelper) =
        optimizer.zero_grad()
        let loss = (p * p * q).sum() + p.sin().sum() + q.exp().mean()
        loss.backward()
        optimizer.step() |> ignore
        values (p.detach().flatten()) @ values (q.detach())

    use first = make [ p; q ]
    let before = [ for _ in 1..3 -> step first ]
    // A run that was stopped after 3 steps goes on with what it saved.
    use saved = new MemoryStream()
    use writer = new BinaryWriter(saved)
    first.save_state_dict writer
    saved.Position <- 0L
    use resumed = make [ p; q ]
    use reader = new BinaryReader(saved)
    resumed.load_state_dict reader
    before @ [ for _ in 4..5 -> step resumed ]

let private optimizers: (string * (Parameter seq -> OptimizerHelper)) list =
    [ "adam", (fun p -> torch.optim.Adam(p, 0.05))
      "adam weight decay amsgrad", (fun p -> torch.optim.Adam(p, 0.05, 0.8, 0.99, 1e-6, 0.1, true))
      "adam maximize", (fun p -> torch.optim.Adam(p, 0.05, maximize = true))
      "sgd", (fun p -> torch.optim.SGD(p, 0.05))
      "sgd momentum weight decay", (fun p -> torch.optim.SGD(p, 0.05, 0.9, 0.1, 0.01))
      "sgd nesterov", (fun p -> torch.optim.SGD(p, 0.05, 0.9, nesterov = true)) ]

let private schedules: (string * (torch.optim.Optimizer -> Schedule.LRScheduler)) list =
    [ "step", (fun o -> Schedule.StepLR(o, 3, 0.5))
      "multi step", (fun o -> Schedule.MultiStepLR(o, [| 2; 5 |], 0.1))
      "cosine", (fun o -> Schedule.CosineAnnealingLR(o, 6.0, 0.01))
      "linear", (fun o -> Schedule.LinearLR(o, 0.25, 1.0, 4))
      "lambda", (fun o -> Schedule.LambdaLR(o, (fun epoch -> 1.0 / (1.0 + float epoch)))) ]

let private rates (make: torch.optim.Optimizer -> Schedule.LRScheduler) =
    use parameter = torch.nn.Parameter(torch.ones(1L))
    use optimizer = torch.optim.SGD([ parameter ], 0.1)
    let schedule = make optimizer

    [ for _ in 1..10 do
          let rate = Seq.head (schedule.get_last_lr ())
          Expect.equal (Seq.head optimizer.ParamGroups).LearningRate rate "the optimiser has the schedule's rate"
          rate
          schedule.step () ]

let private layers: (string * (unit -> torch.nn.Module)) list =
    [ "conv2d", (fun () -> torch.nn.Conv2d(3L, 4L, 3L))
      "conv_transpose2d", (fun () -> torch.nn.ConvTranspose2d(3L, 4L, 2L))
      "linear", (fun () -> torch.nn.Linear(5L, 3L)) ]

let private outputs: (string * (torch.Tensor -> torch.Tensor)) list =
    let affine (a: float, b: float, c: float) (d: float, e: float, f: float) =
        F.affine_grid(torch.tensor([| a; b; c; d; e; f |]).reshape(1L, 2L, 3L).repeat(2L, 1L, 1L), [| 2L; 2L; 3L; 3L |])

    [ "bilinear", (fun x -> F.interpolate(x, [| 7L; 3L |], mode = torch.InterpolationMode.Bilinear, align_corners = false))
      "bilinear corners", (fun x -> F.interpolate(x, [| 7L; 3L |], mode = torch.InterpolationMode.Bilinear, align_corners = true))
      "bilinear antialias", (fun x -> F.interpolate(x, [| 2L; 2L |], mode = torch.InterpolationMode.Bilinear, antialias = true))
      "bicubic", (fun x -> F.interpolate(x, [| 7L; 3L |], mode = torch.InterpolationMode.Bicubic))
      "nearest scale", (fun x -> F.interpolate(x, scale_factor = [| 1.5; 2.0 |]))
      "nearest exact", (fun x -> F.interpolate(x, [| 3L; 7L |], mode = torch.InterpolationMode.NearestExact))
      "reflect", (fun x -> F.pad(x, [| 2L; 1L; 1L; 2L |], PaddingModes.Reflect))
      "average", (fun x -> F.avg_pool2d(x, 3L, 2L, 1L, true, false))
      "batch norm", (fun x -> F.batch_norm(x, null, null, training = true))
      "grid border", (fun x -> F.grid_sample(x, affine (1.2, 0.3, 0.1) (-0.2, 0.9, -0.3), padding_mode = torch.GridSamplePaddingMode.Border))
      "grid reflection", (fun x -> F.grid_sample(x, affine (1.9, 0.3, 0.1) (-0.2, 1.8, -0.3), padding_mode = torch.GridSamplePaddingMode.Reflection))
      "normalize", (fun x -> F.normalize x)
      "quantile", (fun x -> x.flatten().quantile(torch.tensor [| 0.1; 0.5; 0.95 |])) ]

let private optimizerCases =
    [ for name, make in optimizers ->
          testCase name
          <| fun () ->
              let expected = [ for step in (section "optimizers" name).EnumerateArray() -> numbers step ]
              let actual = descend make
              Expect.hasLength actual expected.Length "steps"
              List.zip actual expected |> List.iteri (fun i (a, e) -> close 1e-12 $"step {i + 1}" a e) ]

let private scheduleCases =
    [ for name, make in schedules -> testCase name <| fun () -> close 1e-12 name (rates make) (numbers (section "schedules" name)) ]

let private initialCases =
    [ for name, make in layers ->
          testCase name
          <| fun () ->
              torch.manual_seed 7L |> ignore
              use layer = make ()
              let first = [ for p in layer.parameters () do yield! values (p.detach().flatten()) |> List.truncate 4 ]
              close 1e-7 name first (numbers (section "initial" name)) ]

let private outputCases =
    [ for name, run in outputs ->
          testCase name
          <| fun () ->
              use _scope = torch.NewDisposeScope()
              let x = torch.arange(80.0).``to``(torch.float64).reshape(2L, 2L, 4L, 5L).mul(Scalar.op_Implicit 0.37: Scalar).sin()
              close 1e-9 name (values (run x)) (numbers (section "outputs" name)) ]

[<Tests>]
let tests =
    testSequenced
    <| testList
        "torch golden"
        [ testList "optimizers" optimizerCases
          testList "schedules" scheduleCases
          testList "initial" initialCases
          testList "outputs" outputCases ]
