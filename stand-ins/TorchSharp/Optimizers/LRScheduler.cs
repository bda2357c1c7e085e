namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        /// <summary>Learning rates as functions of the number of steps that the scheduler has made.</summary>
        public static partial class lr_scheduler
        {
            /// <summary>Sets the learning rate of every parameter group, first when it is made, then with every step.</summary>
            public abstract class LRScheduler
            {
                private readonly Optimizer optimizer;
                private readonly double[] initial;
                private readonly double[] last;
                private int epoch;

                private protected LRScheduler(Optimizer optimizer, int last_epoch)
                {
                    this.optimizer = optimizer;
                    initial = [.. optimizer.ParamGroups.Select(group => group.InitialLearningRate)];
                    last = new double[initial.Length];
                    epoch = last_epoch;
                }

                /// <summary>The rate after a number of steps, for a group that starts with a rate.</summary>
                private protected abstract double Rate(double initial, int epoch);

                /// <summary>Counts one step on.</summary>
                public virtual void step() => step(null);

                /// <summary>Goes on by one step, or to a number of steps.</summary>
                public virtual void step(int? epoch)
                {
                    this.epoch = epoch ?? this.epoch + 1;
                    foreach (var (i, group) in optimizer.ParamGroups.Index()) last[i] = group.LearningRate = Rate(initial[i], this.epoch);
                }

                public IEnumerable<double> get_last_lr() => last;
            }

            private sealed class FunctionOfStep : LRScheduler
            {
                private readonly Func<double, int, double> rate;

                internal FunctionOfStep(Optimizer optimizer, int last_epoch, Func<double, int, double> rate) : base(optimizer, last_epoch)
                {
                    this.rate = rate;
                    step();
                }

                private protected override double Rate(double initial, int epoch) => rate(initial, epoch);
            }

            /// <summary>Multiplies the rate by gamma every step_size steps.</summary>
            public static LRScheduler StepLR(Optimizer optimizer, int step_size, double gamma = 0.1, int last_epoch = -1) =>
                new FunctionOfStep(optimizer, last_epoch, (initial, epoch) => initial * Math.Pow(gamma, epoch / step_size));

            /// <summary>Multiplies the rate by gamma at each milestone.</summary>
            public static LRScheduler MultiStepLR(
                Optimizer optimizer, IList<int> milestones, double gamma = 0.1, int last_epoch = -1) =>
                new FunctionOfStep(optimizer, last_epoch, (initial, epoch) => initial * Math.Pow(gamma, milestones.Count(milestone => milestone <= epoch)));

            /// <summary>Multiplies the initial rate by a function of the number of steps.</summary>
            public static LRScheduler LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1) =>
                new FunctionOfStep(optimizer, last_epoch, (initial, epoch) => initial * lr_lambda(epoch));

            /// <summary>Goes from start_factor to end_factor times the rate over total_iters steps.</summary>
            public static LRScheduler LinearLR(
                Optimizer optimizer, double start_factor = 1.0 / 3, double end_factor = 1.0, int total_iters = 5, int last_epoch = -1) =>
                new FunctionOfStep(optimizer, last_epoch, (initial, epoch) =>
                    initial * (start_factor + (end_factor - start_factor) * Math.Min(total_iters, epoch) / total_iters));

            /// <summary>Follows half a cosine from the rate down to eta_min over T_max steps, and back over as many more.</summary>
            public static LRScheduler CosineAnnealingLR(Optimizer optimizer, double T_max, double eta_min = 0, int last_epoch = -1) =>
                new FunctionOfStep(optimizer, last_epoch, (initial, epoch) => eta_min + (initial - eta_min) * (1 + Math.Cos(Math.PI * epoch / T_max)) / 2);
        }
    }
}
