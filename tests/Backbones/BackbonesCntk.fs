/// The ResNet-18 that comes with the program: against ONNX Runtime on the same file, by its graph, and where no weights are given.
module Reproduction.Tests.BackbonesCntk

open System
open System.Collections.Generic
open System.CommandLine
open System.IO
open Expecto
open Microsoft.ML.OnnxRuntime
open Microsoft.ML.OnnxRuntime.Tensors
open TorchSharp
open Reproduction
open Reproduction.Backbones
open Reproduction.Formats
open Repro.Verbs
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Papers.Gaussian
open Reproduction.Tests.OnnxBytes

/// The issue's bound: the largest error over the largest value.
let private tolerance = 1e-4

let private name = PackagedWeights.Name

/// Our layers and the values of the graph that they must be.
let private stages = [
    "stem", "ReLU253_Output_0"
    "maxpool", "Pooling255_Output_0"
    "layer1.0", "ReLU269_Output_0"
    "layer1", "ReLU283_Output_0"
    "layer2.0", "ReLU301_Output_0"
    "layer2", "ReLU315_Output_0"
    "layer3.0", "ReLU333_Output_0"
    "layer3", "ReLU347_Output_0"
    "layer4.0", "ReLU365_Output_0"
    "layer4.1", "ReLU379_Output_0"
    "layer4", "ReLU393_Output_0"
    "avgpool", "Pooling395_Output_0"
]

/// The packaged model with every stage as an output: messages that follow one another are one message to protobuf.
let private withOutputs side =
    let file = File.ReadAllBytes PackagedWeights.File.Path

    if side <> 224 then
        // The graph's input says 224 rows and columns; its convolutions take any number.
        let dimensions (length: int) = Array.concat [ for _ in 1..2 -> bytes 1 (number 1 length) ]
        let input = file.AsSpan().LastIndexOf(ReadOnlySpan(Array.append "Input247"B [| 0x12uy |]))
        let place = input + file.AsSpan(input).IndexOf(ReadOnlySpan(dimensions 224))
        (dimensions side).CopyTo(file, place)

    let outputs = [
        for _, value in stages do
            if value <> "Pooling395_Output_0" then bytes 12 (text 1 value)
    ]

    Array.append file (bytes 7 (Array.concat outputs))

let private session side =
    use options = new SessionOptions(IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR)
    new InferenceSession(withOutputs side, options)

let private computed (session: InferenceSession) side (input: float32[]) =
    let value = NamedOnnxValue.CreateFromTensor("Input247", DenseTensor<float32>(Memory input, ReadOnlySpan [| 1; 3; side; side |]))
    use results = session.Run([ value ])

    dict [
        for result in results do
            let tensor = result.AsTensor<float32>().ToDenseTensor()
            result.Name, (tensor.Buffer.ToArray(), Array.map int64 (tensor.Dimensions.ToArray()))
    ]

/// The packaged network, loaded once.
let private backbone = lazy (Backbone.Load PackagedWeights.File)

let private agrees session side layers (input: torch.Tensor) =
    let expected = computed session side (input.contiguous().data<float32>().ToArray())

    let names = [|
        for layer, _ in stages do
            if List.contains layer layers then layer
    |]

    for layer, features in Seq.zip names (backbone.Value.ForwardRaw(input, names)) do
        let values, shape = expected[dict stages |> fun all -> all[layer]]
        Expect.equal (List.ofArray features.shape) (List.ofArray shape) $"{layer}: shape"
        let wanted = torch.tensor(values).reshape shape
        let error = (features - wanted).abs().max().item<float32>() / wanted.abs().max().item<float32>()
        if not (float error <= tolerance) then failtest $"{layer} at {side}: error {error}"

let private random side =
    use generator = new torch.Generator(5UL)
    (torch.rand ([| 1L; 3L; int64 side; int64 side |], generator = generator) - 0.5f.ToScalar()) * 255f.ToScalar()

/// A photograph of Surfaces, RGB in 0..1.
let private photograph side =
    let struct (image, _) = Reproduction.Surfaces.SurfacesDataset.Render("hex_nut", "test", "good", 3, 0)
    let image = Resizer.Resize(image, side, side, Resampling.BilinearAntialias)

    torch.tensor(Array.map float32 image.Pixels).reshape(1L, int64 side, int64 side, 3L).permute(0L, 3L, 1L, 2L)
    / 255f.ToScalar()

let private all = List.map fst stages

let private parity =
    testList "parity with ONNX Runtime" [
        testCase "every stage and the pooled output at 224, of noise and of a photograph"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use session = session 224
            Expect.equal (List.ofSeq backbone.Value.LayerNames) all "the layers"
            agrees session 224 all (random 224)
            agrees session 224 all (backbone.Value.Preprocessing.Apply(photograph 224))

        // Above 224 the file's own last pooling gives several means; ours takes the whole map.
        testCase "every stage at 256"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use session = session 256
            agrees session 256 (List.except [ "avgpool" ] all) (random 256)

        testCase "odd sizes are halved upwards, and the pooled output is the mean of the last map"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            let features = backbone.Value.ForwardRaw(torch.zeros (1L, 3L, 190L, 97L), [| "layer2"; "layer4"; "avgpool" |])
            Expect.equal (List.ofArray features[0].shape) [ 1L; 128L; 24L; 13L ] "layer2"
            Expect.equal (List.ofArray features[1].shape) [ 1L; 512L; 6L; 4L ] "layer4"
            Expect.isLessThan ((features[2].flatten 1L - features[1].mean([| 2L; 3L |])).abs().max().item<float32>()) 1e-5f "avgpool"

        testCase "images go in as blue, green, red from 0 to 255 less the means"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            let image = torch.tensor([| 1f; 0.5f; 0f |]).reshape(1L, 3L, 1L, 1L)
            let fed = backbone.Value.Preprocessing.Apply(image).flatten().data<float32>().ToArray()

            for found, expected in Array.zip fed [| 0f - 103.0626f; 127.5f - 115.9029f; 255f - 123.1516f |] do
                Expect.floatClose Accuracy.medium (float found) (float expected) "fed"
    ]

/// A graph of the architecture as CNTK writes it, with tensors of one element; `change` may alter a node.
let private graph (change: string -> (string * string list * string * byte[] list) -> (string * string list * string * byte[] list) list) =
    let network = Architecture.Get(name).Create.Invoke BorderMode.Zeros :?> ResNet
    let nodes, tensors = List(), List()
    let mutable count = 0L

    let add label operation inputs attributes =
        let output = $"{label}_output"

        for operation, inputs, output, attributes in change label (operation, inputs, output, attributes) do
            nodes.Add(node operation inputs output attributes)

        output

    let constant () =
        count <- count + 1L
        tensors.Add(single $"Parameter{count}" [ 1L ] [ float32 count ])
        $"Parameter{count}"

    let pads kernel stride =
        let before = (kernel - 1L) / 2L
        let after = max 0L (kernel - stride - before)
        integers "pads" [ before; before; after; after ]

    let normalised input (spec: ConvolutionSpec) =
        let attributes = [
            integers "kernel_shape" [ spec.Kernel; spec.Kernel ]
            integers "strides" [ spec.Stride; spec.Stride ]
            pads spec.Kernel spec.Stride
            word "auto_pad" "NOTSET"
            integers "dilations" [ 1L; 1L ]
        ]

        let convolution = add spec.Name "Conv" [ input; constant () ] attributes
        add (nonNull spec.Norm) "BatchNormalization" (convolution :: [ for _ in 1..4 -> constant () ]) [ real "epsilon" 1e-5f ]

    let stem = add "relu" "Relu" [ normalised "x" network.Stem.Spec ] []
    let mutable value = add "maxpool" "MaxPool" [ stem ] [ integers "kernel_shape" [ 3L; 3L ]; integers "strides" [ 2L; 2L ]; pads 3L 2L ]

    for block in network.Blocks do
        let input = value
        // The shortcut is written first, as CNTK does.
        let shortcut =
            match block.Shortcut with
            | null -> input
            | convolution -> normalised input convolution.Spec

        let inner = add $"{block.Name}.relu1" "Relu" [ normalised input block.Body[0].Spec ] []
        let sum = add $"{block.Name}.sum" "Add" [ normalised inner block.Body[1].Spec; shortcut ] []
        value <- add $"{block.Name}.relu2" "Relu" [ sum ] []

    let output =
        add "avgpool" "AveragePool" [ value ] [
            integers "kernel_shape" [ 7L; 7L ]
            integers "strides" [ 1L; 1L ]
            integers "pads" [ 0L; 0L; 0L; 0L ]
        ]

    network, model nodes tensors [ "x" ] [ output ]

let private named change test =
    let network, content = graph change
    let path = Path.GetTempFileName()

    try
        File.WriteAllBytes(path, content)
        use checkpoint = Checkpoint.Open path
        test (network: ResNet) (fun () -> ResNetGraph.Name(checkpoint, network))
    finally
        File.Delete path

let private unchanged _ node = [ node ]

/// What is said of a graph with one node that is not as it should be.
let private refused label what alter (words: string) =
    testCase what (fun () ->
        let mutable met = false

        let change at node =
            met <- met || at = label
            if at = label then alter node else [ node ]

        named change (fun _ name ->
            Expect.isTrue met $"there is no {label}"
            let error = Expect.throwsC (fun () -> name () |> ignore) id
            Expect.isTrue (error :? UserError) $"an error for the user, not {error}"
            Expect.stringContains error.Message "another network" "it says that the network is another"
            Expect.stringContains error.Message words "and why"))

/// The node with an attribute in place of the one whose name begins alike.
let private attribute (written: byte[]) (operation, inputs, output, attributes: byte[] list) =
    let isSame (other: byte[]) = other[2..7] = written[2..7]
    [ operation, inputs, output, written :: List.filter (isSame >> not) attributes ]

let private withInputs change (operation, inputs: string list, output, attributes) = [ operation, change inputs, output, attributes ]

let private structure =
    testList "graph" [
        testCase "every tensor gets the name that the network has for it, whatever the order of the nodes"
        <| fun () ->
            named unchanged (fun network name ->
                let found = name ()

                let expected = [
                    for convolution in network.Convolutions do
                        $"{convolution.Spec.Name}.weight"

                        for part in [ "weight"; "bias"; "running_mean"; "running_var" ] do
                            $"{convolution.Spec.Norm}.{part}"
                ]

                Expect.equal (set [ for entry in found.Entries -> entry.Name ]) (set expected) "names"
                // Constants are numbered as the graph was written: the shortcut of layer2.0 before its body.
                let number key = found.Entries |> Seq.find (fun entry -> entry.Name = key) |> fun entry -> int (entry.ReadSingles()[0])

                Expect.equal
                    [ number "conv1.weight"; number "bn1.running_var"; number "layer1.0.conv1.weight" ]
                    [ 1; 5; 6 ]
                    "the first ones"

                Expect.equal (number "layer2.0.conv1.weight" - number "layer2.0.downsample.0.weight") 5 "the shortcut comes first")

        testCase "a symmetric border is the same convolution where a map is halved"
        <| fun () ->
            let symmetric = attribute (integers "pads" [ 1L; 1L; 1L; 1L ])
            named (fun label node -> if label = "layer2.0.conv1" then symmetric node else [ node ]) (fun _ name -> name () |> ignore)

        refused
            "layer2.0.conv1"
            "a border at the right instead of the left"
            (attribute (integers "pads" [ 0L; 0L; 1L; 1L ]))
            "layer2.0.conv1"
        refused "layer1.0.conv1" "no border" (attribute (integers "pads" [ 0L; 0L; 0L; 0L ])) "pads [0,0,0,0]"
        refused "layer1.0.conv1" "a border that is computed" (attribute (word "auto_pad" "SAME_UPPER")) "layer1.0.conv1"
        refused "maxpool" "another border of the pooling" (attribute (integers "pads" [ 0L; 0L; 1L; 1L ])) "first pooling"
        refused "layer3.0.conv1" "another stride" (attribute (integers "strides" [ 1L; 1L ])) "strides [1,1]"
        refused "layer3.0.conv2" "dilations" (attribute (integers "dilations" [ 2L; 2L ])) "dilations"
        refused "layer3.1.bn2" "another epsilon" (attribute (real "epsilon" 1e-3f)) "epsilon"
        refused
            "layer1.0.relu1"
            "another activation"
            (fun (_, inputs, output, attributes) -> [ "Tanh", inputs, output, attributes ])
            "no Relu"
        refused
            "layer1.sum"
            "a block without its shortcut"
            (fun (_, inputs, output, _) -> [ "Add", [ inputs[0]; inputs[0] ], output, [] ])
            "no Add"
        refused
            "layer4.relu2"
            "an operation more"
            (fun (operation, inputs, output, _) -> [ (operation, inputs, "middle", []); ("Relu", [ "middle" ], output, []) ])
            "no AveragePool"
        refused "layer1.relu1" "an operation beside the network" (fun node -> [ node; ("Tanh", [ "x" ], "y", []) ]) "operations"
        refused "layer1.0.conv1" "a weight that is computed" (withInputs (fun inputs -> [ inputs[0]; "x" ])) "layer1.0.conv1.weight"
        refused "layer1.0.conv1" "a convolution with a bias" (withInputs (fun inputs -> inputs @ [ "Parameter1" ])) "3 inputs"
        refused "layer1.0.conv1" "operands in another order" (withInputs List.rev) "Conv"

        testCase "torchvision's number of blocks is not this network's"
        <| fun () ->
            named unchanged (fun _ _ -> ())
            use checkpoint = Checkpoint.Open PackagedWeights.File.Path
            use resnet18 = Architecture.Get("resnet18").Create.Invoke BorderMode.Zeros
            let error = Expect.throwsC (fun () -> ResNetGraph.Name(checkpoint, resnet18) |> ignore) id
            Expect.stringContains error.Message "no AveragePool of ReLU379_Output_0" "where the two part"
    ]

[<Tests>]
let tests = testSequenced <| testList "backbones cntk" [ parity; structure ]
