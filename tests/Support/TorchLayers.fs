/// Every differentiable member of linear algebra and torch.nn.functional that the binding offers, with inputs to try it on.
module Reproduction.Tests.TorchLayers

open TorchSharp
open Reproduction.Tests.GradientCheck

type private F = torch.nn.functional
type private L = torch.linalg

let private layer name shapes run : Operation =
    { Name = name
      Inputs = fun n m -> shapes n m |> List.mapi (fun i shape -> spread (0.37 + 0.09 * float i) shape)
      Run = run }

/// On a positive definite matrix.
let private definite name (run: Tensor -> Tensor) : Operation =
    { Name = name
      Inputs = fun n _ -> [ real [ n; n ] ]
      Run = fun inputs -> run (positiveDefinite inputs[0]) }

/// On a positive definite matrix [n, n] and a matrix [n, m].
let private system name (run: Tensor -> Tensor -> Tensor) : Operation =
    { Name = name
      Inputs = fun n m -> [ real [ n; n ]; other [ n; m ] ]
      Run = fun inputs -> run (positiveDefinite inputs[0]) inputs[1] }

/// On a matrix [m + 1, m] of full rank.
let private tall name (run: Tensor -> Tensor) : Operation =
    { Name = name
      Inputs = fun _ m -> [ real [ m + 1L; m ] ]
      Run = fun inputs -> run (inputs[0] + 3.0 * torch.eye(inputs[0].shape[0], inputs[0].shape[1], torch.float64)) }

let private products =
    [ layer "matmul" (fun n m -> [ [ n; 3L ]; [ 3L; m ] ]) (fun i -> i[0].matmul i[1])
      layer "mm" (fun n m -> [ [ n; 3L ]; [ 3L; m ] ]) (fun i -> i[0].mm i[1])
      layer "mv" (fun n m -> [ [ n; m ]; [ m ] ]) (fun i -> i[0].mv i[1])
      layer "bmm" (fun n m -> [ [ 2L; n; 3L ]; [ 2L; 3L; m ] ]) (fun i -> i[0].bmm i[1])
      layer "dot" (fun n _ -> [ [ n ]; [ n ] ]) (fun i -> i[0].dot i[1])
      layer "outer" (fun n m -> [ [ n ]; [ m ] ]) (fun i -> i[0].outer i[1])
      layer "inner" (fun n m -> [ [ n; m ]; [ 2L; m ] ]) (fun i -> i[0].inner i[1])
      layer "kron" (fun n m -> [ [ n; 2L ]; [ m; 2L ] ]) (fun i -> i[0].kron i[1])
      layer "addmm" (fun n m -> [ [ n; m ]; [ n; 3L ]; [ 3L; m ] ]) (fun i -> i[0].addmm(i[1], i[2], 0.5f, 2.0f))
      layer "addmm_" (fun n m -> [ [ n; m ]; [ n; 3L ]; [ 3L; m ] ]) (fun i -> i[0].clone().addmm_(i[1], i[2], 0.5f, 2.0f))
      layer "addmv" (fun n m -> [ [ n ]; [ n; m ]; [ m ] ]) (fun i -> i[0].addmv(i[1], i[2]))
      layer "addr" (fun n m -> [ [ n; m ]; [ n ]; [ m ] ]) (fun i -> i[0].addr(i[1], i[2]))
      layer "baddbmm" (fun n m -> [ [ 2L; n; m ]; [ 2L; n; 3L ]; [ 2L; 3L; m ] ]) (fun i -> i[0].baddbmm(i[1], i[2]))
      layer "tensordot" (fun n m -> [ [ n; m; 2L ]; [ m; 2L; 3L ] ]) (fun i -> i[0].tensordot(i[1], [| 1L; 2L |], [| 0L; 1L |]))
      layer "multi_dot" (fun n m -> [ [ n; 2L ]; [ 2L; m ]; [ m; 3L ] ]) (fun i -> L.multi_dot(ResizeArray i))
      layer "vecdot" (fun n m -> [ [ n; m ]; [ n; m ] ]) (fun i -> L.vecdot(i[0], i[1]))
      layer "cross" (fun n _ -> [ [ n; 3L ]; [ n; 3L ] ]) (fun i -> L.cross(i[0], i[1])) ]

let private decompositions =
    [ definite "cholesky" L.cholesky
      definite "cholesky_ex" (fun a -> let struct (l, _) = L.cholesky_ex a in l)
      definite "cholesky tensor" _.cholesky(true)
      definite "cholesky_inverse" (fun a -> L.cholesky(a).cholesky_inverse())
      system "cholesky_solve" (fun a b -> b.cholesky_solve(L.cholesky a))
      definite "cond" L.cond
      definite "det" _.det()
      definite "logdet" _.logdet()
      definite "slogdet" (fun a -> let struct (_, logarithm) = L.slogdet a in logarithm)
      definite "inv" L.inv
      definite "pinv" L.pinv
      definite "pinverse" _.pinverse()
      definite "matrix_exp" (fun a -> (a / 10.0).matrix_exp())
      definite "matrix_power" _.matrix_power(2)
      definite "diagonal linalg" (fun a -> L.diagonal(a, 0, -2, -1))
      definite "eigvalsh" (fun a -> L.eigvalsh a)
      // An eigenvector's sign is free, the square of its elements is not.
      definite "eigh" (fun a -> let struct (values, vectors) = L.eigh a in values + vectors.square())
      tall "qr" (fun a -> let struct (q, r) = L.qr a in q.matmul(r.t().contiguous().t()) + q.sum() + r.sum())
      tall "svd" (fun a -> let struct (u, s, vh) = L.svd(a, false) in u.square().sum(0L) + s + vh.square().sum(1L))
      tall "svdvals" L.svdvals
      system "solve" (fun a b -> L.solve(a, b))
      system "solve_triangular" (fun a b -> L.solve_triangular(a, b, false))
      { Name = "lstsq"
        Inputs = fun _ m -> [ real [ m + 1L; m ]; other [ m + 1L; 2L ] ]
        Run =
          fun i ->
              let struct (solution, _, _, _) = L.lstsq(i[0] + 3.0 * torch.eye(i[0].shape[0], i[0].shape[1], torch.float64), i[1])
              solution }
      definite "norm linalg" (fun a -> L.norm(a, 2.0, [| 1L |]))
      definite "vector_norm" (fun a -> L.vector_norm(a, 3.0))
      definite "matrix_norm" (fun a -> L.matrix_norm(a)) ]

let private image channels n m = [ 2L; channels; n + 2L; m + 2L ]

let private convolutions =
    [ layer "conv1d" (fun n m -> [ [ 2L; 2L; m + 2L ]; [ n; 2L; 3L ]; [ n ] ]) (fun i -> F.conv1d(i[0], i[1], i[2], padding = 1L))
      layer "conv2d" (fun n m -> [ image 2L n m; [ 3L; 2L; 3L; 3L ]; [ 3L ] ]) (fun i ->
          F.conv2d(i[0], i[1], i[2], [| 2L; 1L |], [| 1L; 1L |]))
      layer "conv2d dilated groups" (fun n m -> [ image 2L n m; [ 2L; 1L; 2L; 2L ] ]) (fun i ->
          F.conv2d(i[0], i[1], dilation = [| 2L; 2L |], groups = 2L))
      layer "conv2d_padding" (fun n m -> [ image 1L n m; [ 2L; 1L; 3L; 3L ] ]) (fun i -> F.conv2d_padding(i[0], i[1], padding = Padding.Same))
      layer "conv_transpose2d" (fun n m -> [ [ 1L; 2L; n; m ]; [ 2L; 2L; 3L; 3L ]; [ 2L ] ]) (fun i ->
          F.conv_transpose2d(i[0], i[1], i[2], [| 2L; 2L |], [| 1L; 1L |], [| 1L; 1L |]))
      layer "linear" (fun n m -> [ [ 2L; n ]; [ m; n ]; [ m ] ]) (fun i -> F.linear(i[0], i[1], i[2]))
      layer "unfold functional" (fun n m -> [ image 1L n m ]) (fun i -> F.unfold(i[0], 2L, stride = 1L, padding = 1L))
      layer "fold" (fun _ m -> [ [ 1L; 4L * m; 9L ] ]) (fun i -> F.fold(i[0], 4L, 2L))
      layer "pixel_shuffle" (fun n m -> [ [ 1L; 8L; n; m ] ]) (fun i -> F.pixel_shuffle(i[0], 2L))
      layer "pixel_unshuffle" (fun n m -> [ [ 1L; 1L; 2L * n; 2L * m ] ]) (fun i -> F.pixel_unshuffle(i[0], 2L))
      layer "avg_pool2d" (fun n m -> [ image 2L n m ]) (fun i -> F.avg_pool2d(i[0], 3L, 1L, 1L, count_include_pad = false))
      layer "max_pool2d" (fun n m -> [ image 2L n m ]) (fun i -> F.max_pool2d(i[0], 3L, 2L, 1L))
      layer "adaptive_avg_pool2d" (fun n m -> [ image 2L n m ]) (fun i -> F.adaptive_avg_pool2d(i[0], struct (2L, 1L))) ]

let private interpolation mode (size: int64[]) antialias =
    layer $"interpolate {mode}{size.Length}{antialias}" (fun n m -> [ 1L :: 2L :: List.truncate size.Length [ n + 1L; m + 1L; 2L ] ]) (fun i ->
        F.interpolate(i[0], size, mode = mode, antialias = antialias))

let private padding =
    [ for mode in [ PaddingModes.Constant; PaddingModes.Reflect; PaddingModes.Replicate; PaddingModes.Circular ] ->
          layer $"pad {mode}" (fun n m -> [ image 1L n m ]) (fun i -> F.pad(i[0], [| 1L; 2L; 0L; 1L |], mode)) ]

let private vision =
    [ layer "grid_sample" (fun n m -> [ image 1L n m ]) (fun i ->
          F.grid_sample(i[0], unitInterval [ 2L; 3L; 2L; 2L ], torch.GridSampleMode.Bilinear, torch.GridSamplePaddingMode.Border))
      layer "affine_grid" (fun n m -> [ [ 1L; 2L; 3L ] ]) (fun i -> F.affine_grid(i[0], [| 1L; 1L; 3L; 2L |]))
      layer "upsample" (fun n m -> [ image 1L n m ]) (fun i -> F.upsample(i[0], scale_factor = [| 2.0; 1.5 |], mode = torch.UpsampleMode.Bilinear))
      interpolation torch.InterpolationMode.Nearest [| 5L; 3L |] false
      interpolation torch.InterpolationMode.NearestExact [| 5L; 3L |] false
      interpolation torch.InterpolationMode.Area [| 2L; 1L |] false
      interpolation torch.InterpolationMode.Linear [| 5L |] false
      interpolation torch.InterpolationMode.Bilinear [| 5L; 3L |] false
      interpolation torch.InterpolationMode.Bilinear [| 2L; 2L |] true
      interpolation torch.InterpolationMode.Bicubic [| 5L; 3L |] false
      interpolation torch.InterpolationMode.Bicubic [| 2L; 2L |] true
      interpolation torch.InterpolationMode.Trilinear [| 3L; 2L; 3L |] false ]

let private activation name run = layer name (fun n m -> [ [ n; m ] ]) (fun i -> run i[0])

/// Draws the same numbers each time it is computed.
let private seeded (compute: unit -> Tensor) =
    torch.manual_seed 1L |> ignore
    compute ()

let private activations =
    [ activation "relu functional" (fun x -> F.relu(x.clone (), true))
      activation "leaky_relu functional" (fun x -> F.leaky_relu(x.clone (), 0.1, true))
      activation "silu functional" (fun x -> F.silu x)
      activation "gelu functional" F.gelu
      activation "elu functional" (fun x -> F.elu(x, 1.0))
      activation "sigmoid functional" (fun x -> F.sigmoid(x.clone (), true))
      activation "tanh functional" (fun x -> F.tanh(x.clone (), true))
      activation "softplus functional" (fun x -> F.softplus x)
      activation "softmax functional" (fun x -> F.softmax(x, 1L))
      activation "log_softmax functional" (fun x -> F.log_softmax(x, 1L))
      activation "dropout" (fun x -> seeded (fun () -> F.dropout(x, 0.4)))
      layer "dropout2d" (fun n m -> [ image 2L n m ]) (fun i -> seeded (fun () -> F.dropout2d(i[0], 0.4)))
      activation "normalize" (fun x -> F.normalize x)
      layer "batch_norm" (fun n m -> [ image 2L n m; [ 2L ]; [ 2L ] ]) (fun i -> F.batch_norm(i[0], null, null, i[1], i[2], true))
      layer "instance_norm" (fun n m -> [ image 2L n m ]) (fun i -> F.instance_norm(i[0]))
      layer "group_norm" (fun n m -> [ image 4L n m; [ 4L ]; [ 4L ] ]) (fun i -> F.group_norm(i[0], 2L, i[1], i[2]))
      layer "layer_norm" (fun n m -> [ [ n; m + 1L ]; [ m + 1L ]; [ m + 1L ] ]) (fun i -> F.layer_norm(i[0], [| i[0].shape[1] |], i[1], i[2]))
      layer "cosine_similarity" (fun n m -> [ [ n; m ]; [ n; m ] ]) (fun i -> F.cosine_similarity(i[0], i[1]))
      layer "pairwise_distance" (fun n m -> [ [ n; m ]; [ n; m ] ]) (fun i -> F.pairwise_distance(i[0], i[1])) ]

let private pair name run = layer name (fun n m -> [ [ n; m ]; [ n; m ] ]) (fun i -> run i[0] i[1])

let private classes (scores: Tensor) = torch.zeros([| scores.shape[0] |], torch.int64)

let private losses =
    [ pair "mse_loss" (fun x y -> F.mse_loss(x, y))
      pair "l1_loss" (fun x y -> F.l1_loss(x, y, torch.nn.Reduction.Sum))
      pair "smooth_l1_loss" (fun x y -> F.smooth_l1_loss(x, y, torch.nn.Reduction.None, 0.7))
      pair "huber_loss" (fun x y -> F.huber_loss(x, y, 0.7))
      pair "cross_entropy" (fun x _ -> F.cross_entropy(x, classes x, label_smoothing = 0.1))
      pair "nll_loss" (fun x _ -> F.nll_loss(x, classes x))
      pair "binary_cross_entropy" (fun x _ -> F.binary_cross_entropy(x.sigmoid(), unitInterval (List.ofArray x.shape)))
      pair "binary_cross_entropy_with_logits" (fun x _ -> F.binary_cross_entropy_with_logits(x, unitInterval (List.ofArray x.shape)))
      pair "kl_div" (fun x y -> F.kl_div(x, y)) ]

/// Everything above.
let operations = products @ decompositions @ convolutions @ padding @ vision @ activations @ losses
